# The host's own firewall from the node's JSON file: who may call says the same as the cloud's rules, once more. What
# the node itself may call is left to the cloud's rules on Windows, but for models, which are arbitrary code: they get
# at no credential of the machine.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$FirewallGroup = 'Operationalization'

# Address assignment and the like, by the name that is the same in every language.
$CoreNetworking = '@FirewallAPI.dll,-25000'

# Before there is anything to reach: nobody comes in, whatever rules the image has.
function Close-Firewall {
    Set-NetFirewallProfile -Name 'Domain', 'Private', 'Public' -Enabled 'True' -DefaultInboundAction 'Block'
    foreach ($rule in @(Get-NetFirewallRule -Group $FirewallGroup -ErrorAction SilentlyContinue)) {
        Remove-NetFirewallRule -Name $rule.Name
    }
    foreach ($rule in @(Get-NetFirewallRule -Direction 'Inbound' -Action 'Allow' -Enabled 'True')) {
        if ($rule.Group -ne $CoreNetworking) {
            Disable-NetFirewallRule -Name $rule.Name
        }
    }
}

# When certificates and TLS are in place (facts.md R10).
function Open-Firewall {
    foreach ($rule in @(Get-NodeValue -Path 'firewall.inbound')) {
        $from = $rule.address
        if ($from -eq '0.0.0.0/0') {
            $from = 'Any'
        }
        $name = '{0} from {1}' -f $rule.port, $rule.address
        New-NetFirewallRule -DisplayName $name -Group $FirewallGroup -Direction Inbound -Action Allow -Protocol TCP `
            -LocalPort $rule.port -RemoteAddress $from | Out-Null
        Write-Log "port $name is open"
    }
}

# The account that runs models does not reach the cloud's services on this host: metadata would give it the identity
# of the machine (facts.md 12.8).
function Block-Metadata {
    param([string]$Service)
    $account = (Resolve-Account -Account "NT SERVICE\$Service").Value
    $addresses = @(@(Get-NodeValue -Path 'firewall.platform') | ForEach-Object -Process { $_.address })
    New-NetFirewallRule -DisplayName 'metadata for models' -Group $FirewallGroup -Direction Outbound -Action Block `
        -RemoteAddress @($addresses | Sort-Object -Unique) -LocalUser "D:(A;;CC;;;$account)" | Out-Null
}
