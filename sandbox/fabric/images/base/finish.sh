#!/bin/sh
# Ends the build of the base image; runs inside it.
set -eu

update-ca-certificates

# Each host gets its own.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/hostname

# The platform's name server, at the address that Azure has for it.
rm -f /etc/resolv.conf
printf 'nameserver 168.63.129.16\n' >/etc/resolv.conf

# cloud-init's default user, who would cost each boot the time of making him.
groupadd --system netdev
useradd --create-home --shell /bin/bash --comment Debian debian \
  --groups adm,audio,cdrom,dialout,dip,floppy,netdev,plugdev,sudo,video

# No terminal and no logins, no disk and no kernel of its own, and a machine that lives for hours:
# what is masked here would do nothing useful, and each unit costs a boot some milliseconds.
systemctl mask \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer man-db.timer systemd-tmpfiles-clean.timer \
  cloud-init-hotplugd.socket console-getty.service dev-hugepages.mount dev-mqueue.mount getty@.service \
  modprobe@.service serial-getty@.service sys-fs-fuse-connections.mount \
  systemd-ask-password-console.path systemd-ask-password-wall.path systemd-firstboot.service \
  systemd-initctl.socket systemd-logind.service systemd-networkd-wait-online.service \
  systemd-remount-fs.service systemd-resolved.service systemd-sysusers.service \
  systemd-timesyncd.service systemd-udevd.service systemd-udev-trigger.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service

mkdir -p /var/log/journal /var/lib/cloud/seed/nocloud
