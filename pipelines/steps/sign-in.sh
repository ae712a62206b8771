# shellcheck shell=bash
# What AzureCLI@2 with addSpnToEnvironment tells a script of its service connection (servicePrincipalId, tenantId,
# idToken), as Pulumi's providers read it. The token is in variables and in a file that only this user reads.

: "${servicePrincipalId:?the task must have addSpnToEnvironment: true}"
: "${idToken:?the service connection must use workload identity federation, which has no secret}"
: "${tenantId:?the task must have addSpnToEnvironment: true}"
export ARM_USE_OIDC=true
export ARM_CLIENT_ID=$servicePrincipalId
export ARM_TENANT_ID=$tenantId
export ARM_OIDC_TOKEN=$idToken
ARM_SUBSCRIPTION_ID=$(az account show --query id --output tsv)
export ARM_SUBSCRIPTION_ID
if [[ ${AWS_ROLE_ARN:-} ]]; then
  AWS_WEB_IDENTITY_TOKEN_FILE=$(umask 077 && mktemp)
  trap 'rm -f "$AWS_WEB_IDENTITY_TOKEN_FILE"' EXIT
  printf '%s' "$idToken" >"$AWS_WEB_IDENTITY_TOKEN_FILE"
  export AWS_WEB_IDENTITY_TOKEN_FILE
else
  unset AWS_ROLE_ARN AWS_REGION
fi
