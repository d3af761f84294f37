// Persistent memory for Go: one call that maps a block and keeps Go's heap off it. It must be the only way to a block, since Go takes
// all memory that follows its heap for its own, also what the host has grown for a block.
package main

import (
	"structs"
	"unsafe"
)

const wasmPageSize = 65536

// PmmName of abi/pmm.ts: two strings held inline, each with its NUL inside its field.
type pmmName struct {
	_      structs.HostLayout
	medium [16]byte
	name   [64]byte
}

// Ties a block to the caller's restart group; its size takes in the NUL.
var groupKey = [...]byte{'_', '_', 'S', 'Y', 'S', '_', 'H', 'R', '_', 'G', 'R', 'O', 'U', 'P', 0}

//go:wasmimport pmm pmmAllocate
func pmmAllocate(addr *uint32, blockName *pmmName, memSize uint32, delKey *byte, delKeySize uint32) int32

// Where Go's heap ends and where it believes that memory ends. The linker gives them away with -checklinkname=0 only.
//
//go:linkname heapEnd runtime.bloc
var heapEnd uintptr

//go:linkname memoryEnd runtime.blocMax
var memoryEnd uintptr

func memoryPages() int32

// What pmmAllocate fills in. Not on the stack, which Go may move.
var blockAddress uint32

// The address of the group's block of that name, and a KnError. A block is no memory of Go's: no pointer may be stored in it.
func groupBlock(name string, sizeBytes uint32) (unsafe.Pointer, int32) {
	structure := new(pmmName)
	copy(structure.medium[:15], "RAM")
	copy(structure.name[:63], name)
	result := pmmAllocate(&blockAddress, structure, sizeBytes, &groupKey[0], uint32(len(groupKey)))
	// Nothing may be allocated between the call and this: the heap goes on behind all that the host has grown.
	end := uintptr(memoryPages()) * wasmPageSize
	if end != memoryEnd {
		heapEnd, memoryEnd = end, end
	}
	return unsafe.Pointer(uintptr(blockAddress)), result
}
