/** Interface classes (wire names of Linux include/linux/hyperv.h: HV_SCSI_GUID, HV_IDE_GUID, HV_SYNTHFC_GUID). */
export const SCSI_INTERFACE = 'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f'
export const IDE_INTERFACE = '32412632-86cb-44a2-9b5c-50d1417354f5'
export const FC_INTERFACE = '2f9bcc4a-0069-4af3-b76b-6fd0be528cda'

export type ControllerKind = 'scsi' | 'ide' | 'fc'

export const INTERFACE_OF: Readonly<Record<ControllerKind, string>> = {
  scsi: SCSI_INTERFACE,
  ide: IDE_INTERFACE,
  fc: FC_INTERFACE,
}

/** The kind of an interface class; anything else is SCSI. */
export function controllerKindOf(interfaceId: string): ControllerKind {
  if (interfaceId === IDE_INTERFACE) return 'ide'
  return interfaceId === FC_INTERFACE ? 'fc' : 'scsi'
}

/**
 * The instance of an IDE accelerator: data1 is the IDE channel, data2 the device on it, data3 0x8899 (OpenVMM
 * storvsp/src/lib.rs, build_ide). Linux reads path and target back out of it.
 */
export function ideInstanceId(channel: number, device: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  return `${hex(channel, 8)}-${hex(device, 4)}-8899-0000-000000000000`
}

/** Channel and device of an IDE accelerator's instance (Linux storvsc_drv.c, storvsc_get_ide_info). */
export function ideAddress(instanceId: string): { readonly path: number; readonly target: number } {
  return {
    path: Number.parseInt(instanceId.slice(0, 8), 16) & 0xff,
    target: Number.parseInt(instanceId.slice(9, 13), 16) & 0xff,
  }
}
