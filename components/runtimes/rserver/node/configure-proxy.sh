#!/usr/bin/env bash
# What NGINX is told of this node: where it listens, with which certificate, and where the product listens behind it.
# The rest of its configuration is the same on every node of a role.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=library.sh
source library.sh

readonly SECRETS=$RUNTIME/secrets

part=$(front)
port=$(node "@.listen.$part.port")
mkdir -p "$RUNTIME/proxy" "$RUNTIME/health"
{
  if has "@.listen.$part.https"; then
    echo "listen $port ssl;"
    echo "ssl_certificate $SECRETS/$part-server;"
    echo "ssl_certificate_key $SECRETS/$part-server;"
  else
    echo "listen $port;"
  fi
  # Only web nodes are served on a compute node; the cloud's probe of this machine has no certificate.
  if [[ $part == compute ]] && has @.listen.compute.https; then
    echo "ssl_client_certificate $SECRETS/environment-ca;"
    echo "ssl_verify_client optional;"
    # A variable of the server, which the locations look at.
    # shellcheck disable=SC2016
    echo 'set $refused $not_a_web_node;'
  else
    # shellcheck disable=SC2016
    echo 'set $refused "";'
  fi
} >"$RUNTIME/proxy/listen.conf"
# Frozen is frozen (freeze.sh), also when the node starts anew meanwhile.
[[ ! -e $KEPT/frozen ]] || touch "$RUNTIME/health/frozen"
echo "server 127.0.0.1:$(node "@.listen.$part.own");" >"$RUNTIME/proxy/upstream.conf"
user=www-data
! getent passwd nginx >/dev/null || user=nginx
echo "PROXY_USER=$user" >"$RUNTIME/role.env"

# The package's own NGINX would listen on 80.
systemctl --no-reload mask --quiet nginx.service
systemctl stop nginx.service
# Where SELinux is enforcing, as on CentOS and RHEL, it must know what this NGINX does.
if type -P getenforce >/dev/null && [[ $(getenforce) == Enforcing ]]; then
  setsebool httpd_can_network_connect on
  chcon -R -t httpd_var_run_t "$RUNTIME/health" "$RUNTIME/proxy"
  [[ ! -d $SECRETS ]] || chcon -R -t cert_t "$SECRETS"
  ! type -P semanage >/dev/null || semanage port --add --type http_port_t --proto tcp "$port" 2>/dev/null ||
    semanage port --modify --type http_port_t --proto tcp "$port"
fi
