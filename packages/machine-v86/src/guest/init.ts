/** The command agent's own serial line, as the guest names it; the kernel's console is ttyS0. */
const AGENT_TTY = 'ttyS1'

/** First bytes of the agent when it listens. */
export const AGENT_READY = 'VMBUS-AGENT 1\n'

/**
 * Process 1 of the guest. Mounts what programs expect, then answers commands on the second serial line: a line
 * `ID SCRIPT` runs a shell script written with printf's escapes, the answer is `R ID STATUS LENGTH`, newline and that many bytes of its output.
 * Applets of busybox come last in PATH, so that a package's own tools win where /bin/sh is not busybox itself.
 */
export const INIT_SCRIPT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /etc /root /var/lib /var/log /opt/applets
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev 2>/dev/null
/bin/busybox mkdir -p /dev/pts /dev/shm
/bin/busybox mount -t devpts devpts /dev/pts
/bin/busybox ln -sf /proc/self/fd /dev/fd
/bin/busybox ln -sf /run /var/run
/bin/busybox --install -s /opt/applets
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/applets HOME=/root LC_ALL=C TERM=dumb
hostname vmbus-guest
ip link set lo up
[ -x /sbin/ldconfig ] && /sbin/ldconfig 2>/dev/null
stty -F /dev/${AGENT_TTY} raw -echo
exec 3<>/dev/${AGENT_TTY}
printf '${AGENT_READY.replace('\n', '\\n')}' >&3
while :; do
  IFS=' ' read -r id script <&3 || { sleep 1; continue; }
  printf '%b' "$script" > /run/agent.script
  /bin/sh /run/agent.script > /run/agent.output 2>&1 < /dev/null 3>&-
  status=$?
  printf 'R %s %s %s\\n' "$id" "$status" "$(stat -c %s /run/agent.output)" >&3
  cat /run/agent.output >&3
done
`

/** What the kernel runs to power off or reboot in order: there is no init system to ask. */
export const POWEROFF_SCRIPT = '#!/bin/busybox sh\n/bin/busybox sync\nexec /bin/busybox poweroff -f\n'
export const REBOOT_SCRIPT = '#!/bin/busybox sh\n/bin/busybox sync\nexec /bin/busybox reboot -f\n'
