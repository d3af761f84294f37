// The size of linear memory, which no package of Go tells. It must be read after each block that is mapped, see blocks.go.
#include "textflag.h"

// func memoryPages() int32
TEXT ·memoryPages(SB), NOSPLIT, $0
	Get SP
	CurrentMemory
	I32Store ret+0(FP)
	RET
