// Exports the present state of an instance as a module, in the thread that the guest runs in. It makes no generation and takes no place
// in the bank, and it must leave the guest as it is.
import { exportModule } from '../image/image-export.ts';
import type { StateAccess } from '../image/instance-state.ts';
import { decodeText } from '../image/text-codec.ts';
import type { BankView } from '../memory/bank-view.ts';
import type { InstanceMemories } from '../memory/instance-memories.ts';
import type { ExportOrder, GuestProgram } from './program.ts';

/** Throws CHECKPOINT_REFUSED, naming what cannot be captured, or IMAGE_DAMAGED for a text that does not pass its checks. */
export function exportImage(
  { processName, layout }: GuestProgram,
  bank: BankView,
  { state, memories }: { readonly state: StateAccess; readonly memories: InstanceMemories },
  { text, imports }: ExportOrder,
): Uint8Array<ArrayBuffer> {
  // What others have stored in its blocks is part of what it sees.
  memories.exchange();
  return exportModule({
    processName,
    module: decodeText(bank.bytes(text.offset, text.sizeBytes), processName).module,
    layout,
    state: state.capture(processName),
    memories: memories.contents(),
    imports,
  });
}
