/** VMBus 4.0: from it on grants are torn down after the channel closed (Linux netvsc.c, netvsc_device_remove). */
export const VERSION_4_0 = 0x0004_0000
