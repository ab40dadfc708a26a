#!/bin/bash
# The first process of the virtual machine: mounts, modules, network, an engine, the test, power off. There is no systemd.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm /share
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs tmp /tmp
mkdir -p /run/lock
mount -o remount,rw /
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for argument in $(cat /proc/cmdline); do
	case $argument in
	vm.share=*) share=${argument#*=} ;;
	vm.date=*) date -s "@${argument#*=}" >/dev/null ;;
	esac
done
mount -t hostfs -o "$share" none /share
hostname vm
echo '127.0.0.1 localhost vm' >/etc/hosts
for tool in iptables ip6tables; do # this kernel has no nf_tables
	update-alternatives --set $tool /usr/sbin/$tool-legacy >/dev/null
done
for module in overlay bridge br_netfilter veth vxlan dummy ip_tables iptable_nat iptable_filter iptable_mangle xt_MASQUERADE \
	xt_addrtype xt_conntrack xt_mark xt_nat xt_REDIRECT xt_ipvs ip_vs ip_vs_rr; do
	modprobe $module || echo "no module $module"
done
ip link set lo up
ip link add ext0 type dummy
ip addr add 10.99.0.2/24 dev ext0
ip link set ext0 up
ip route add unreachable default # what is not here is refused at once
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
sysctl -qw net.ipv4.ip_forward=1
ulimit -n 65536
dockerd --host unix:///var/run/docker.sock >/share/dockerd.log 2>&1 &
for _ in $(seq 1 900); do
	docker version >/dev/null 2>&1 && break
	sleep .2
done
/share/ingress -inside
echo $? >/share/exit
sync
echo o >/proc/sysrq-trigger
sleep 5
