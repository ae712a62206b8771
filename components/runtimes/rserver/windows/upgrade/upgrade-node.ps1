# The node around the product: it drains, stops, gets other files, is configured by its own task, and serves.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Move = ConvertFrom-Json -InputObject ([IO.File]::ReadAllText("$Work\files\move.json"))

# The node's JSON file as it will be.
$NewNode = "$Work\node.json"

$TaskFolder = '\Operationalization\'

# What running requests get, as when the cloud ends a machine (watch.ps1).
$DrainSeconds = 120

# What is known of the node from here on: the old version's file and the new one's are asked by the same functions.
function Select-Node {
    param([string]$File)
    $text = [IO.File]::ReadAllText($File)
    $script:Node = ConvertFrom-Json -InputObject $text
    $script:NodeRoot = Read-Json -Text $text
}

function Wait-Window {
    $noticed = [DateTime]::UtcNow.AddSeconds((Get-NodeValue -Path 'health.window'))
    Wait-Until -WaitFor 'the probes to notice' -WaitSeconds 300 -WaitCondition { [DateTime]::UtcNow -gt $noticed }
}

# The probes notice first, then running requests end.
function Clear-Requests {
    if (@('ready', 'draining') -notcontains (Get-NodeState)) {
        return
    }
    Set-NodeState -State 'draining'
    Wait-Window
    try {
        Wait-Until -WaitFor 'the end of running requests' -WaitSeconds $DrainSeconds -WaitCondition {
            (Get-RoleRequests) -eq 0
        }
    }
    catch {
        Write-Log $_.Exception.Message
    }
}

# Last first; what is not there is no matter. The watching task goes first, which would tell of a node that is broken.
function Stop-Parts {
    Stop-ScheduledTask -TaskName 'watch' -TaskPath $TaskFolder
    if ((Get-NodeState) -ne 'starting') {
        Set-NodeState -State 'starting'
    }
    $own = @(Get-RoleValue -Path 'parts')
    foreach ($part in 'web', 'compute') {
        if ($own -contains $part) {
            Stop-WholePart -Part $part
        }
    }
}

function Stop-WholePart {
    param([string]$Part)
    if ($Part -eq 'web') {
        Remove-Proxy
    }
    foreach ($name in @(Get-RoleValue -Path "product.services.$Part")) {
        if ($null -ne (Find-Service -Name $name)) {
            Stop-Service -Name $name -Force
            continue
        }
        try {
            $task = Find-Task -Name $name -Part $Part
            Stop-ScheduledTask -TaskName $task.TaskName -TaskPath $task.TaskPath
        }
        catch {
            Write-Log "not stopped: $($_.Exception.Message)"
        }
    }
    Stop-Part -Part $Part
}

# The site and its pool are made anew when the node is configured. IIS's worker has files of the product open, which
# could not be removed then.
function Remove-Proxy {
    Clear-Site -Name $ProxySite
    if (Test-Path -LiteralPath "IIS:\AppPools\$ProxySite") {
        Remove-WebAppPool -Name $ProxySite
    }
    Wait-Until -WaitFor 'the end of the web node''s worker' -WaitSeconds 180 -WaitCondition {
        $workers = @(Get-WmiObject -Class 'Win32_Process' -Filter "Name = 'w3wp.exe'")
        @($workers | Where-Object -FilterScript { ([string]$_.CommandLine).Contains($ProxySite) }).Count -eq 0
    }
}

function Disconnect-Node {
    Clear-Requests
    Stop-Parts
}

# All that a node of this version does at boot: install what is missing, settings, set-up, start.
function Invoke-Configure {
    Stop-ScheduledTask -TaskName 'watch' -TaskPath $TaskFolder
    Stop-ScheduledTask -TaskName 'configure' -TaskPath $TaskFolder
    Set-NodeState -State 'starting'
    Start-ScheduledTask -TaskName 'configure' -TaskPath $TaskFolder
    Wait-Until -WaitFor 'a node that is configured' -WaitSeconds 3000 -WaitCondition {
        (Get-NodeState) -eq 'failed' -or (Test-Ready)
    }
    if (-not (Test-Ready)) {
        $log = "$DataFolder\log\configure.log"
        $end = @(Get-Content -LiteralPath $log -Tail 15 -Encoding UTF8) -join "`n"
        throw "the node could not be configured; $log says why:`n$end"
    }
}

function Test-Serving {
    param([int]$Seconds)
    try {
        Wait-Until -WaitFor 'a node that serves' -WaitSeconds $Seconds -WaitCondition { Test-Ready }
        return $true
    }
    catch {
        Write-Log $_.Exception.Message
        return $false
    }
}

# A step that was cut short may have left the node stopped.
function Confirm-Serving {
    if (-not (Test-Serving -Seconds 10)) {
        Invoke-Configure
    }
}

# As at first boot: who signs in, and what the node says of itself.
function Test-Node {
    if (-not (Test-Serving -Seconds 120)) {
        throw 'this node does not serve'
    }
    Remove-Tree -Path "$DataFolder\diagnosed"
    Test-Diagnostics
}

# The node's file with all that the new version says in it: whole members, as a fresh node has them.
function Get-NewNode {
    $root = Read-Json -Text ([IO.File]::ReadAllText("$Backup\node.json"))
    $moved = Read-Json -Text ([IO.File]::ReadAllText("$Work\files\move.json"))
    $bundle = Get-NewBundle -Old $root -New (Get-JsonAt -Element $moved -Keys 'document')
    foreach ($change in @(Get-JsonChildren -Element (Get-JsonAt -Element $moved -Keys 'document'))) {
        $key = Get-JsonKey -Element $change
        $found = Find-JsonChild -Element $root -Names $key
        if ($null -eq $found) {
            Add-JsonChild -Element $root -Key $key -From $change
        }
        else {
            Set-JsonValue -Element $found -From $change
        }
    }
    if ($null -ne $bundle) {
        Set-JsonValue -Element (Get-JsonAt -Element $root -Keys 'bundle') -From $bundle
    }
    return Write-Json -Element $root
}

# The same bucket, another object: objects are named by the sum of what they hold.
function Get-NewBundle {
    param([System.Xml.XmlElement]$Old, [System.Xml.XmlElement]$New)
    $before = Find-JsonChild -Element $Old -Names 'bundle'
    $after = Find-JsonChild -Element $New -Names 'bundle'
    if ($null -eq $before -or $null -eq $after) {
        return $null
    }
    $was = (Get-JsonAt -Element $before -Keys 'sha256').get_InnerText()
    $is = (Get-JsonAt -Element $after -Keys 'sha256').get_InnerText()
    $uri = (Get-JsonAt -Element $before -Keys 'uri').get_InnerText().Replace($was, $is)
    $members = ('"sha256": ' + (ConvertTo-JsonString -Text $is)), ('"uri": ' + (ConvertTo-JsonString -Text $uri))
    return Read-Json -Text ('{' + ($members -join ', ') + '}')
}

function Save-NewNode {
    Write-Text -Path $NewNode -Text (Get-NewNode)
}

# The scripts of the new version, and its JSON file. What the old version has encrypted was for its own file.
function Update-Files {
    Save-NewNode
    foreach ($name in @($Move.files)) {
        Copy-Item -LiteralPath "$Work\files\$name" -Destination "$ProgramFolder\$name" -Force
    }
    if ($Move.of.version -ne $Move.to.version) {
        Remove-Tree -Path $EncryptedFolder
    }
    Write-Text -Path $NodeFile -Text ([IO.File]::ReadAllText($NewNode))
    Select-Node -File $NodeFile
}

function Clear-Upgrade {
    foreach ($file in @(Get-ChildItem -LiteralPath "$DataFolder\incoming" -Filter 'upgrade-*.zip' -File)) {
        Remove-Item -LiteralPath $file.FullName -Force
    }
    foreach ($name in 'unpacked', 'files', 'node.json') {
        Remove-Tree -Path "$Work\$name"
    }
}
