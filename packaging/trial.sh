# Shared by the trials of the package in a bare Debian, which lies in $root.
# shellcheck shell=bash

step() {
	echo "== $1"
}

# expect WHAT COMMAND…: ends the trial when the command fails.
expect() {
	local what=$1
	shift
	if ! "$@"; then
		echo "not so: $what" >&2
		exit 1
	fi
	echo "   $what"
}

# bare_debian PACKAGE…: makes one in $root where there is none, and has these packages in it.
bare_debian() {
	: "${root:?}"
	if [ ! -x "$root/bin/sh" ]; then
		step "a bare Debian"
		debootstrap --variant=minbase \
			--include=adduser,ca-certificates,init-system-helpers,libportaudio2,python3,python3-venv bookworm "$root" >/dev/null
	fi
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # nothing is started by itself
	chmod +x "$root/usr/sbin/policy-rc.d"
	mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
	mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
	if [ $# -gt 0 ] && ! chroot "$root" dpkg-query --show "$@" >/dev/null 2>&1; then
		chroot "$root" apt-get update -qq
		DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
	fi
}
