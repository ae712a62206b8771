# The product's own services: scheduled tasks that start .NET Core, and a service for R (facts.md 6). The compute
# node's task is not documented by name, so it is looked for (Q10).
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Find-Task {
    param([string]$Name, [string]$Part)
    $all = @(Get-ScheduledTask)
    $found = @($all | Where-Object -FilterScript { $_.TaskName -eq $Name })
    if ($found.Count -eq 0) {
        $found = @($all | Where-Object -FilterScript { $_.TaskName -like "*${Part}node*" })
    }
    if ($found.Count -eq 0) {
        throw "the product has neither a service nor a task $Name"
    }
    return $found[0]
}

function Find-Service {
    param([string]$Name)
    return Get-Service -Name $Name -ErrorAction SilentlyContinue
}

# Every .NET Core process that runs the program of a part.
function Get-PartProcesses {
    param([string]$Part)
    $program = Get-PartProgram -Part $Part
    return @(Get-WmiObject -Class 'Win32_Process' -Filter "Name = 'dotnet.exe'" | Where-Object -FilterScript {
            ([string]$_.CommandLine).Contains($program)
        })
}

function Stop-Part {
    param([string]$Part)
    foreach ($process in @(Get-PartProcesses -Part $Part)) {
        $process.Terminate() | Out-Null
    }
}

# Starts a part, and anew when its settings have changed.
function Restart-Part {
    param([string]$Part, [bool]$Changed)
    foreach ($name in @(Get-RoleValue -Path "product.services.$Part")) {
        if ($null -ne (Find-Service -Name $name)) {
            Set-Service -Name $name -StartupType Automatic
            Start-Service -Name $name
            continue
        }
        $task = Find-Task -Name $name -Part $Part
        Enable-ScheduledTask -TaskName $task.TaskName -TaskPath $task.TaskPath | Out-Null
        if ($Changed) {
            Stop-ScheduledTask -TaskName $task.TaskName -TaskPath $task.TaskPath
            Stop-Part -Part $Part
        }
        if (@(Get-PartProcesses -Part $Part).Count -eq 0) {
            Start-ScheduledTask -TaskName $task.TaskName -TaskPath $task.TaskPath
        }
    }
}

function Test-Port {
    param([int]$Port)
    $client = New-Object -TypeName System.Net.Sockets.TcpClient
    try {
        return $client.ConnectAsync('127.0.0.1', $Port).Wait(3000) -and $client.Connected
    }
    catch {
        return $false
    }
    finally {
        $client.Close()
    }
}

# Where this machine itself calls the web part without TLS; empty where there is no such place.
function Get-LocalAddress {
    if ((Get-RoleValue -Path 'listen.proxy') -eq 'iis') {
        return 'http://127.0.0.1:{0}' -f (Get-RoleValue -Path 'windows.localPort')
    }
    if (Get-RoleValue -Path 'listen.web.https') {
        return ''
    }
    return 'http://127.0.0.1:{0}' -f (Get-RoleValue -Path 'listen.web.own')
}

# Under IIS the web node starts with its first request, and a port says nothing: so it is asked. Any answer of the
# product will do; IIS itself answers 502 and 503 for it.
function Test-Web {
    $address = Get-LocalAddress
    if ($address -eq '') {
        return Test-Port -Port (Get-RoleValue -Path 'listen.web.own')
    }
    try {
        Invoke-WebRequest -Uri "$address/status" -UseBasicParsing -TimeoutSec 10 | Out-Null
        return $true
    }
    catch [Net.WebException] {
        $answer = $_.Exception.Response
        return $null -ne $answer -and @(502, 503) -notcontains [int]$answer.StatusCode
    }
}

function Test-RoleLive {
    foreach ($part in @(Get-RoleValue -Path 'parts')) {
        if (@(Get-PartProcesses -Part $part).Count -eq 0 -and $part -eq 'compute') {
            return $false
        }
        if ($part -eq 'web' -and -not (Test-Web)) {
            return $false
        }
        if ($part -eq 'compute' -and -not (Test-Port -Port (Get-RoleValue -Path 'listen.compute.own'))) {
            return $false
        }
    }
    return $true
}

# Connections from elsewhere to what this node shows.
function Get-RoleRequests {
    $port = Get-NodeValue -Path 'port'
    $open = @(Get-NetTCPConnection -LocalPort $port -State 'Established' -ErrorAction SilentlyContinue)
    return @($open | Where-Object -FilterScript { $_.RemoteAddress -ne '127.0.0.1' }).Count
}

# What the vendor's diagnostics begin with (facts.md 14.1), once for each list of compute nodes: signing in, and what
# the node says of itself and of them. A later boot must not wait for other nodes.
function Test-Diagnostics {
    $mark = "$DataFolder\diagnosed"
    $nodes = 'yes'
    if (Test-ComputeList) {
        $nodes = Get-ComputeUris
    }
    $account = '{0}.login.account' -f (Get-NodeValue -Path 'role')
    if (-not (Test-NodeValue -Path $account) -or (Get-LocalAddress) -eq '') {
        return
    }
    if ((Test-Path -LiteralPath $mark) -and [IO.File]::ReadAllText($mark) -eq $nodes) {
        return
    }
    Wait-Until -WaitFor 'a web node whose status is good' -WaitSeconds 900 -WaitCondition {
        Confirm-Status -Status (Request-Status)
        return $true
    }
    Write-Text -Path $mark -Text $nodes
}

# Whether this node says in the product's database which compute nodes there are.
function Test-ComputeList {
    return Test-NodeValue -Path ('{0}.listsComputeNodes' -f (Get-NodeValue -Path 'role'))
}

# Since 9.2.1 that list is in the database, which takes over what is in a web node's file and forgets nothing by itself
# (facts.md 11): `/computenodes` replaces it for all web nodes (13.5).
function Update-ComputeNodes {
    param([string]$Address, [hashtable]$Headers)
    $wanted = @(@(Get-NodeValue -Path 'computeNodes.values') + @(Get-NodeValue -Path 'computeNodes.ranges'))
    $answer = Invoke-RestMethod -Uri "$Address/computenodes" -Headers $Headers -UseBasicParsing -TimeoutSec 60
    $found = @($answer.computeNodes)
    if ((@($found | Sort-Object) -join ',') -eq (@($wanted | Sort-Object) -join ',')) {
        return
    }
    $body = ConvertTo-Json -InputObject @{ entries = $wanted } -Depth 3 -Compress
    Invoke-RestMethod -Uri "$Address/computenodes" -Method Post -Headers $Headers -Body $body `
        -ContentType 'application/json' -UseBasicParsing -TimeoutSec 60 | Out-Null
    Write-Log "the compute nodes are $($wanted -join ', ')"
}

function Request-Status {
    $address = Get-LocalAddress
    $word = Get-NodeSecret -Name (Get-RoleValue -Path 'login.secret')
    $body = ConvertTo-Json -InputObject @{
        username = Get-RoleValue -Path 'login.account'
        password = $word
    } -Depth 2 -Compress
    $login = Invoke-RestMethod -Uri "$address/login" -Method Post -Body $body -ContentType 'application/json' `
        -UseBasicParsing -TimeoutSec 30
    $headers = @{ Authorization = "Bearer $($login.access_token)" }
    if (Test-ComputeList) {
        Update-ComputeNodes -Address $address -Headers $headers
    }
    return Invoke-RestMethod -Uri "$address/status" -Headers $headers -UseBasicParsing -TimeoutSec 60
}

# Refuses a status in which something that this node needs does not pass: the database, the log-in, one compute node.
# The word for the whole does not count, since addresses in a range that nobody has show as failed (facts.md 11).
function Confirm-Status {
    param([object]$Status)
    $components = Get-Component -Of $Status -Name 'components'
    if ($null -eq $components) {
        throw '/status has no components'
    }
    foreach ($name in 'database', 'authentication', 'ldap') {
        $property = $components.PSObject.Properties[$name]
        if ($null -ne $property -and -not (Test-Component -Component $property.Value)) {
            throw "/status: $name does not pass: $(ConvertTo-Json -InputObject $property.Value -Depth 5 -Compress)"
        }
    }
    $backends = Get-Component -Of $components -Name 'backends'
    $found = Get-Component -Of $backends -Name 'components'
    if ($null -ne $found) {
        foreach ($property in @($found.PSObject.Properties)) {
            if (Test-Component -Component $property.Value) {
                return
            }
        }
    }
    throw "/status: no compute node passes: $(ConvertTo-Json -InputObject $backends -Depth 5 -Compress)"
}

# Whether a component of `/status` says one of the words for healthy.
function Test-Component {
    param([object]$Component)
    return @(Get-RoleValue -Path 'login.words') -contains (Get-Component -Of $Component -Name 'statusCode')
}

function Get-Component {
    param([object]$Of, [string]$Name)
    if ($null -eq $Of -or $null -eq $Of.PSObject.Properties[$Name]) {
        return $null
    }
    return $Of.PSObject.Properties[$Name].Value
}
