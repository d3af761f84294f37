// The WASI preview 1 error numbers this room answers with. Those the Hot Restart Controller reports too come from abi/errors.ts,
// where the numbering is fixed; no number may be written down twice.
export { EFAULT, EINVAL } from '../../abi/errors.ts';

export const ESUCCESS = 0;
/** No such descriptor, or not one for this operation. */
export const EBADF = 8;
/** The descriptor is a stream: it has no position. */
export const ESPIPE = 70;
