# What a node asks of AWS, by names that the other scripts know on every cloud; taken in, never run. AWS Tools for
# PowerShell are on Amazon's images of Windows and sign with the role of the machine; they must be of version 4.0.1 or
# newer, because the metadata service gives nothing without a token.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

Import-Module -Name AWSPowerShell

$Metadata = 'http://169.254.169.254/latest'

# Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata". What there is not is empty.
function Request-Metadata {
    param([string]$Path)
    $life = @{ 'X-aws-ec2-metadata-token-ttl-seconds' = '60' }
    $bearer = Invoke-RestMethod -Uri "$Metadata/api/token" -Method Put -Headers $life -UseBasicParsing -TimeoutSec 10
    try {
        return Invoke-RestMethod -Uri "$Metadata/meta-data/$Path" -Headers @{ 'X-aws-ec2-metadata-token' = $bearer } `
            -UseBasicParsing -TimeoutSec 10
    }
    catch [Net.WebException] {
        $answer = $_.Exception.Response
        if ($null -ne $answer -and [int]$answer.StatusCode -eq 404) {
            return ''
        }
        throw
    }
}

function Request-Secret {
    param([string]$Name)
    $id = '{0}/{1}' -f (Get-NodeValue -Path 'vault.uri'), $Name
    return (Get-SECSecretValue -SecretId $id -Region (Get-NodeValue -Path 'region')).SecretString
}

function Save-PrivateFile {
    param([string]$Uri, [string]$Path)
    $parts = [regex]::Match($Uri, '^s3://([^/]+)/(.+)$')
    if (-not $parts.Success) {
        throw "$Uri is no object of S3"
    }
    Read-S3Object -BucketName $parts.Groups[1].Value -Key $parts.Groups[2].Value -File $Path `
        -Region (Get-NodeValue -Path 'region') | Out-Null
}

function Test-PrivateUri {
    param([string]$Uri)
    return $Uri -match '^s3://'
}

# Amazon EC2 Auto Scaling User Guide, "Retrieve the target lifecycle state through instance metadata".
function Get-Notice {
    if ((Request-Metadata -Path 'autoscaling/target-lifecycle-state') -eq 'Terminated') {
        return 'Terminated'
    }
    return ''
}

# The group that this machine belongs to, which a tag names; a machine of its own has none, and nobody to tell.
function Get-Group {
    $group = Request-Metadata -Path 'tags/instance/aws:autoscaling:groupName'
    if ($group -eq '' -and (Request-Metadata -Path 'autoscaling/target-lifecycle-state') -ne '') {
        throw 'the tag that names this machine''s group is not there yet'
    }
    return $group
}

# Completes one of the lifecycle hooks of the group.
function Complete-Hook {
    param([string]$Hook)
    $group = Get-Group
    if ($group -eq '') {
        Write-Log 'this machine belongs to no group: nobody to tell'
        return
    }
    Complete-ASLifecycleAction -LifecycleHookName $Hook -AutoScalingGroupName $group `
        -InstanceId (Request-Metadata -Path 'instance-id') -LifecycleActionResult 'CONTINUE' `
        -Region (Get-NodeValue -Path 'region') -Force | Out-Null
}

function Confirm-Notice {
    param([string]$Notice)
    Complete-Hook -Hook 'draining'
    Write-Log "told the group that this machine may go: $Notice"
}

# At a later boot the hook is complete already, and AWS refuses.
function Confirm-Ready {
    $mark = "$DataFolder\announced"
    if (Test-Path -LiteralPath $mark) {
        return
    }
    Invoke-Again -AgainWhat 'telling the group that this machine serves' -AgainAction { Complete-Hook -Hook 'serving' }
    Write-Text -Path $mark -Text 'serving'
}

function Confirm-Broken {
    if ((Get-Group) -eq '') {
        return
    }
    Set-ASInstanceHealth -InstanceId (Request-Metadata -Path 'instance-id') -HealthStatus 'Unhealthy' `
        -Region (Get-NodeValue -Path 'region') -Force | Out-Null
}

# The server's first login, which RDS makes and keeps.
function Open-DatabaseServer {
    param([string]$Database)
    $id = Get-NodeValue -Path 'database.bootstrap'
    $found = Get-SECSecretValue -SecretId $id -Region (Get-NodeValue -Path 'region')
    $login = ConvertFrom-Json -InputObject $found.SecretString
    $Secrets['database-bootstrap'] = $login.password
    $builder = New-Object -TypeName System.Data.SqlClient.SqlConnectionStringBuilder
    $builder.PSBase.ConnectionString = Get-ServerAddress -Database $Database
    $builder.PSBase.UserID = $login.username
    $builder.PSBase.Password = $login.password
    $connection = New-Object -TypeName System.Data.SqlClient.SqlConnection
    $connection.ConnectionString = $builder.PSBase.ConnectionString
    $connection.Open()
    return $connection
}
