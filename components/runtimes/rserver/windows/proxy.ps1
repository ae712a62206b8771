# Internet Information Services in front of the web node, as the vendor's templates have it (facts.md 17): the module
# of ASP.NET Core starts the node's program and passes requests on; TLS ends at IIS.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$ProxySite = 'operationalization-web'

# Whose the certificate's binding is, for whoever lists them.
$ProxyApplication = '{6f2c1d0e-8a53-4b7e-9a41-2d1c7f3b5e60}'

function Install-Proxy {
    Disable-OwnStart
    $folder = Get-PartFolder -Part 'web'
    Grant-Logs -Folder $folder
    Write-ProxySettings -Folder $folder
    Set-WebPool -Name $ProxySite
    $port = Get-RoleValue -Path 'listen.web.port'
    $encrypted = Get-RoleValue -Path 'listen.web.https'
    Clear-Site -Name $ProxySite
    New-Website -Name $ProxySite -Id 3 -Port $port -PhysicalPath $folder -ApplicationPool $ProxySite `
        -Ssl:$encrypted -Force | Out-Null
    New-WebBinding -Name $ProxySite -Protocol 'http' -IPAddress '127.0.0.1' `
        -Port (Get-RoleValue -Path 'windows.localPort')
    if ($encrypted) {
        Set-SiteCertificate -Port $port -Thumbprint $Certificates['web-server'].Thumbprint
    }
    Start-Website -Name $ProxySite
}

# Otherwise the product's own task would start the web node a second time.
function Disable-OwnStart {
    foreach ($name in @(Get-RoleValue -Path 'product.services.web')) {
        $task = Find-Task -Name $name -Part 'web'
        Disable-ScheduledTask -TaskName $task.TaskName -TaskPath $task.TaskPath | Out-Null
        Stop-ScheduledTask -TaskName $task.TaskName -TaskPath $task.TaskPath
    }
    Stop-Part -Part 'web'
}

function Grant-Logs {
    param([string]$Folder)
    $logs = Join-Path -Path $Folder -ChildPath 'logs'
    New-Item -Path $logs -ItemType Directory -Force | Out-Null
    $access = Get-Acl -Path $logs
    $access.AddAccessRule((New-FolderAccess -Account $NetworkService -Rights 'Modify'))
    Set-Acl -Path $logs -AclObject $access
}

function Write-ProxySettings {
    param([string]$Folder)
    $settings = New-Object -TypeName System.Xml.XmlDocument
    $settings.Load("$ProgramFolder\aspnetcore.config")
    $module = $settings.SelectSingleNode('/configuration/system.webServer/aspNetCore')
    $module.SetAttribute('processPath', (Get-Dotnet))
    $module.SetAttribute('arguments', ".\$(Get-PartProgram -Part 'web')")
    $settings.Save((Join-Path -Path $Folder -ChildPath 'web.config'))
}

# Netsh, because it says the same on both systems.
function Set-SiteCertificate {
    param([int]$Port, [string]$Thumbprint)
    $program = "$env:SystemRoot\System32\netsh.exe"
    $place = "ipport=0.0.0.0:$Port"
    Invoke-Native -What 'forgetting an older certificate' -Program $program -Accept 0, 1 `
        -Arguments 'http', 'delete', 'sslcert', $place | Out-Null
    Invoke-Native -What 'binding the certificate' -Program $program -Arguments 'http', 'add', 'sslcert', $place,
    "certhash=$Thumbprint", "appid=$ProxyApplication", 'certstorename=MY' | Out-Null
}
