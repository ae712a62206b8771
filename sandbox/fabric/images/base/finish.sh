#!/bin/sh
# Ends the build of the base image; runs inside it.
set -eu

update-ca-certificates

# Each host makes its own at its first boot.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/hostname

# The platform's name server, at the address that Azure has for it.
rm -f /etc/resolv.conf
printf 'nameserver 168.63.129.16\n' >/etc/resolv.conf

# No terminal, no disk of its own, no kernel of its own; and a machine that lives for minutes.
systemctl mask \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer man-db.timer \
  console-getty.service getty@.service serial-getty@.service \
  systemd-firstboot.service systemd-networkd-wait-online.service systemd-remount-fs.service \
  systemd-resolved.service systemd-timesyncd.service systemd-udevd.service systemd-udev-trigger.service

mkdir -p /var/log/journal /var/lib/cloud/seed/nocloud
