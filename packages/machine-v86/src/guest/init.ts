/** The command agent's own serial line, as the guest names it; the kernel's console is ttyS0. */
const AGENT_TTY = 'ttyS1'

/** First bytes of the agent when it listens. */
export const AGENT_READY = 'VMBUS-AGENT 2\n'

/**
 * Process 1 of the guest. Mounts what programs expect, then answers on the second serial line. `D ID LENGTH` and so many
 * bytes are a piece of a script, answered by `A ID`; `E ID LENGTH` is the last piece and runs it, in a session of its own;
 * its answer is `R ID STATUS LENGTH` and so many bytes of output. `K ID 0` kills all of that session.
 * Applets of busybox come last in PATH, so that a package's own tools win where /bin/sh is not busybox itself.
 * Applets without a path run in the shell's own fork, and with one busybox is executed anew: 2 million of the 5 million
 * instructions that a command cost.
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
job() {
  /bin/busybox setsid /bin/sh /run/agent.$1 > /run/agent.$1.output 2>&1 < /dev/null 3>&- &
  echo $! > /run/agent.$1.session
  wait $!
  status=$?
  printf 'R %s %s %s\\n' $1 $status "$(stat -c %s /run/agent.$1.output)" >&3
  cat /run/agent.$1.output >&3
  rm -f /run/agent.$1 /run/agent.$1.*
}
while :; do
  IFS=' ' read -r what id length <&3 || { sleep 1; continue; }
  case $what in
    [DE]) head -c "$length" <&3 >> /run/agent.$id ;;
  esac
  case $what in
    D) printf 'A %s\\n' $id >&3 ;;
    E) job $id & ;;
    K) while [ -e /run/agent.$id ] && [ ! -s /run/agent.$id.session ]; do sleep 1; done
      [ -e /run/agent.$id ] && kill -9 -"$(cat /run/agent.$id.session)" ;;
  esac
done
`

/** What the kernel runs to power off or reboot in order: there is no init system to ask. */
export const POWEROFF_SCRIPT = '#!/bin/busybox sh\n/bin/busybox sync\nexec /bin/busybox poweroff -f\n'
export const REBOOT_SCRIPT = '#!/bin/busybox sh\n/bin/busybox sync\nexec /bin/busybox reboot -f\n'
