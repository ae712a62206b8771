# Certificates of the vault, as PEM, into the machine's store, with the permission that the web node's account needs
# on their keys (facts.md 12.2, 12.3). .NET Framework of these systems reads no PEM: keys are RSA, and are taken apart
# here.
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# NETWORK SERVICE, which runs the web node under IIS.
$NetworkService = 'S-1-5-20'

# "Microsoft Enhanced RSA and AES Cryptographic Provider": the oldest that signs with SHA-256.
$RsaAes = 24

$OwnCertificates = 'web-server', 'web-client', 'compute-server', 'token-signing'

# By the name of their secret.
$Certificates = @{}

function Import-NodeCertificates {
    if (Test-NodeSecret -Name 'environment-ca') {
        $authority = Get-NodeSecret -Name 'environment-ca'
        Add-Authorities -Pem $authority -Store 'Root'
        $blocks = @(Get-PemBlocks -Pem $authority -Label 'CERTIFICATE')
        $Certificates['environment-ca'] = New-Certificate -Text $blocks[0]
    }
    foreach ($name in $OwnCertificates) {
        if (Test-NodeSecret -Name $name) {
            $Certificates[$name] = Import-Certificate -Name $name
        }
    }
}

# The contents of all blocks with a label, still in base64: a list of lists of bytes would not stay one.
function Get-PemBlocks {
    param([string]$Pem, [string]$Label)
    $pattern = "-----BEGIN $Label-----([A-Za-z0-9+/=\s]+)-----END $Label-----"
    return @([regex]::Matches($Pem, $pattern) | ForEach-Object -Process { $_.Groups[1].Value -replace '\s', '' })
}

function New-Certificate {
    param([string]$Text)
    return New-Object -TypeName System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList @(
        , [Convert]::FromBase64String($Text))
}

# By the names that Windows has for them: `My`, `Root`, and `CA` for what stands between the two.
function Open-Store {
    param([string]$Name)
    $store = New-Object -TypeName System.Security.Cryptography.X509Certificates.X509Store -ArgumentList (
        $Name, 'LocalMachine')
    $store.Open('ReadWrite')
    return $store
}

function Add-Authorities {
    param([string]$Pem, [string]$Store)
    $opened = Open-Store -Name $Store
    foreach ($block in @(Get-PemBlocks -Pem $Pem -Label 'CERTIFICATE')) {
        $opened.Add((New-Certificate -Text $block))
    }
    $opened.Close()
}

# The first certificate is the node's own, those behind it lead to its authority.
function Import-Certificate {
    param([string]$Name)
    $pem = Get-NodeSecret -Name $Name
    $blocks = @(Get-PemBlocks -Pem $pem -Label 'CERTIFICATE')
    if ($blocks.Count -eq 0) {
        throw "what the vault has under $Name begins with no certificate"
    }
    $certificate = New-Certificate -Text $blocks[0]
    $certificate.PrivateKey = Import-PrivateKey -Name "operationalization-$($certificate.Thumbprint)" -Pem $pem
    $opened = Open-Store -Name 'My'
    $opened.Add($certificate)
    # A renewed one takes the place of the one before: by its subject alone the product could take either.
    foreach ($other in @($opened.Certificates)) {
        if ($other.Subject -eq $certificate.Subject -and $other.Thumbprint -ne $certificate.Thumbprint) {
            $opened.Remove($other)
            Write-Log "the certificate that $Name was before is gone: $($other.Thumbprint)"
        }
    }
    $opened.Close()
    foreach ($block in @($blocks | Select-Object -Skip 1)) {
        $between = Open-Store -Name 'CA'
        $between.Add((New-Certificate -Text $block))
        $between.Close()
    }
    Write-Log "certificate $Name is in the machine's store: $($certificate.Thumbprint)"
    return $certificate
}

# Puts an RSA key into the machine's own key store; once more changes nothing.
function Import-PrivateKey {
    param([string]$Name, [string]$Pem)
    $container = New-Object -TypeName System.Security.Cryptography.CspParameters -ArgumentList $RsaAes
    $container.KeyContainerName = $Name
    # A key that may be exchanged, which is what TLS asks of a server's.
    $container.KeyNumber = 1
    $container.Flags = 'UseMachineKeyStore'
    $key = New-Object -TypeName System.Security.Cryptography.RSACryptoServiceProvider -ArgumentList $container
    $key.ImportParameters((Read-RsaKey -Pem $Pem))
    $key.PersistKeyInCsp = $true
    Grant-KeyFile -File $key.CspKeyContainerInfo.UniqueKeyContainerName
    return $key
}

function Grant-KeyFile {
    param([string]$File)
    $path = "$env:ProgramData\Microsoft\Crypto\RSA\MachineKeys\$File"
    $access = Get-Acl -Path $path
    $access.AddAccessRule((New-FileAccess -Account $NetworkService -Rights 'Read'))
    Set-Acl -Path $path -AclObject $access
}

# RFC 8017, RSAPrivateKey: a version, then eight numbers; RFC 5208 puts it into an octet string behind the name of the
# algorithm.
function Read-RsaKey {
    param([string]$Pem)
    $wrapped = @(Get-PemBlocks -Pem $Pem -Label 'PRIVATE KEY')
    $plain = @(Get-PemBlocks -Pem $Pem -Label 'RSA PRIVATE KEY')
    if ($wrapped.Count + $plain.Count -ne 1) {
        throw 'a certificate comes with one private key, of RSA'
    }
    $bytes = [Convert]::FromBase64String(@($wrapped + $plain)[0])
    $at = (Read-Der -Bytes $bytes -At 0 -Tag 0x30).Start
    if ($wrapped.Count -eq 1) {
        # Version, algorithm, octet string; the key is the sequence inside of it.
        $version = Read-Der -Bytes $bytes -At $at -Tag 0x02
        $algorithm = Read-Der -Bytes $bytes -At $version.End -Tag 0x30
        $name = Read-Der -Bytes $bytes -At $algorithm.Start -Tag 0x06
        if ((Get-Hex -Bytes $bytes -From $name.Start -To $name.End) -ne '2A864886F70D010101') {
            throw 'the private key of a certificate is not one of RSA'
        }
        $octets = Read-Der -Bytes $bytes -At $algorithm.End -Tag 0x04
        $at = (Read-Der -Bytes $bytes -At $octets.Start -Tag 0x30).Start
    }
    $at = (Read-Der -Bytes $bytes -At $at -Tag 0x02).End
    $numbers = @{}
    $whole = 0
    foreach ($field in 'Modulus', 'Exponent', 'D', 'P', 'Q', 'DP', 'DQ', 'InverseQ') {
        $number = Read-Der -Bytes $bytes -At $at -Tag 0x02
        $at = $number.End
        $digits = Get-Number -Bytes $bytes -From $number.Start -To $number.End
        if ($field -eq 'Modulus') {
            $whole = $digits.Length
        }
        # Windows wants numbers of these lengths, which DER writes without their zeros in front.
        if ($field -eq 'D') {
            $digits = Expand-Number -Digits $digits -Length $whole
        }
        elseif ($field -ne 'Modulus' -and $field -ne 'Exponent') {
            $digits = Expand-Number -Digits $digits -Length ([int]([Math]::Ceiling($whole / 2)))
        }
        $numbers[$field] = $digits
    }
    $key = New-Object -TypeName System.Security.Cryptography.RSAParameters
    $key.Modulus = [byte[]]$numbers['Modulus']
    $key.Exponent = [byte[]]$numbers['Exponent']
    $key.D = [byte[]]$numbers['D']
    $key.P = [byte[]]$numbers['P']
    $key.Q = [byte[]]$numbers['Q']
    $key.DP = [byte[]]$numbers['DP']
    $key.DQ = [byte[]]$numbers['DQ']
    $key.InverseQ = [byte[]]$numbers['InverseQ']
    return $key
}

# One element of DER (X.690): where its content begins, and where the next one does.
function Read-Der {
    param([byte[]]$Bytes, [int]$At, [int]$Tag)
    if ([int]$Bytes[$At] -ne $Tag) {
        throw "the private key of a certificate is not what it should be at byte $At"
    }
    $length = [int]$Bytes[$At + 1]
    $start = $At + 2
    if ($length -ge 128) {
        $count = $length - 128
        $length = 0
        for ($index = 0; $index -lt $count; $index++) {
            $length = 256 * $length + [int]$Bytes[$start + $index]
        }
        $start += $count
    }
    return @{ Start = $start; End = $start + $length }
}

# A number without the zero in front that says that it is positive. The comma keeps one byte a list.
function Get-Number {
    param([byte[]]$Bytes, [int]$From, [int]$To)
    $first = $From
    while ($first -lt $To - 1 -and [int]$Bytes[$first] -eq 0) {
        $first++
    }
    $digits = New-Object -TypeName 'System.Byte[]' -ArgumentList ($To - $first)
    [Array]::Copy($Bytes, $first, $digits, 0, $To - $first)
    return , $digits
}

function Expand-Number {
    param([byte[]]$Digits, [int]$Length)
    $padded = New-Object -TypeName 'System.Byte[]' -ArgumentList $Length
    [Array]::Copy($Digits, 0, $padded, $Length - $Digits.Length, $Digits.Length)
    return , $padded
}

function Get-Hex {
    param([byte[]]$Bytes, [int]$From, [int]$To)
    return [BitConverter]::ToString($Bytes, $From, $To - $From).Replace('-', '')
}
