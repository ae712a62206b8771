# What a node asks of Azure, by names that the other scripts know on every cloud; taken in, never run.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Request-Metadata {
    param([string]$Path)
    return Invoke-RestMethod -Uri "http://169.254.169.254/metadata/$Path" -Headers @{ Metadata = 'true' } `
        -UseBasicParsing -TimeoutSec 130
}

# Azure, "How managed identities for Azure resources work": the token endpoint of the metadata service.
function Get-IdentityToken {
    param([string]$Resource)
    $path = 'identity/oauth2/token?api-version=2018-02-01&resource={0}&client_id={1}'
    $answer = Request-Metadata -Path ($path -f $Resource, (Get-NodeValue -Path 'vault.identity'))
    return $answer.access_token
}

# Key Vault's "Get Secret".
function Request-Secret {
    param([string]$Name)
    $headers = @{ Authorization = 'Bearer ' + (Get-IdentityToken -Resource 'https://vault.azure.net') }
    $uri = '{0}/secrets/{1}?api-version=7.4' -f (Get-NodeValue -Path 'vault.uri').TrimEnd('/'), $Name
    return (Invoke-RestMethod -Uri $uri -Headers $headers -UseBasicParsing -TimeoutSec 30).value
}

# A file of a private storage account ("Authorize access to blobs using Microsoft Entra ID").
function Save-PrivateFile {
    param([string]$Uri, [string]$Path)
    $client = New-Object -TypeName System.Net.WebClient
    $client.Headers.Add('Authorization', 'Bearer ' + (Get-IdentityToken -Resource 'https://storage.azure.com/'))
    $client.Headers.Add('x-ms-version', '2019-12-12')
    $client.DownloadFile($Uri, $Path)
}

function Test-PrivateUri {
    param([string]$Uri)
    return Get-NodeValue -Path ('{0}.install.private' -f (Get-NodeValue -Path 'role'))
}

# The announced end of this machine, if there is one (Azure, "Scheduled Events for Windows VMs").
function Get-Notice {
    $own = Request-Metadata -Path 'instance/compute/name?api-version=2021-02-01&format=text'
    $answer = Request-Metadata -Path 'scheduledevents?api-version=2020-07-01'
    foreach ($each in @($answer.Events)) {
        if (@('Terminate', 'Preempt') -contains $each.EventType -and @($each.Resources) -contains $own) {
            return $each.EventId
        }
    }
    return ''
}

function Confirm-Notice {
    param([string]$Notice)
    $body = ConvertTo-Json -InputObject @{ StartRequests = @(@{ EventId = $Notice }) } -Depth 4 -Compress
    Invoke-RestMethod -Uri 'http://169.254.169.254/metadata/scheduledevents?api-version=2020-07-01' -Method Post `
        -Headers @{ Metadata = 'true' } -Body $body -ContentType 'application/json' -UseBasicParsing -TimeoutSec 130 |
        Out-Null
}

# The machine's extensions look for themselves: one waits until it is ready, one asks whether it lives.
function Confirm-Ready {
    Write-Log 'ready; the extension that waits sees it'
}

function Confirm-Broken {
    Write-Log 'the health extension sees that this machine does not answer'
}

# Where the product's database login is made with: an administrator of the server is this node's own identity.
function Open-DatabaseServer {
    param([string]$Database)
    $connection = New-Object -TypeName System.Data.SqlClient.SqlConnection
    # Since .NET Framework 4.6.1; Windows Server 2016 has 4.6.2.
    if ($null -eq [System.Data.SqlClient.SqlConnection].GetProperty('AccessToken')) {
        throw 'the image needs .NET Framework 4.6.1 or newer: older ones cannot log in with an identity'
    }
    $connection.ConnectionString = Get-ServerAddress -Database $Database
    $connection.AccessToken = Get-IdentityToken -Resource 'https://database.windows.net/'
    $connection.Open()
    return $connection
}
