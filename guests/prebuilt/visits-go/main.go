// A reactor in Go that counts its visits: in a block of persistent memory, which stays, and on Go's heap, which goes back with every
// restore. It must do without the package fmt, which would double its size.
package main

// What a restart keeps, and what it puts back.
var total *int64
var visits = map[string]int32{}
var cause int32 = -1

// Runs when the host initialises the reactor, and again when it is restarted without a checkpoint.
func init() {
	address, result := groupBlock("GO_VISITS", 8)
	if result != 0 {
		panic("visits: there is no block to be had")
	}
	total = (*int64)(address)
}

// Counts a visit; the number of this run's.
//
//go:wasmexport visit
func visit() int32 {
	*total++
	visits["visit"]++
	return visits["visit"]
}

// All visits while the group lives.
//
//go:wasmexport total
func totalVisits() int64 {
	return *total
}

// Allocates `count` pieces of 64 KiB, all in use at the end, and maps a block after each; how many bytes are not what they were.
//
//go:wasmexport spoiltBytes
func spoiltBytes(count int32) int32 {
	const pieceSize, blockSize = 65536, 4096
	pieces := make([][]byte, count)
	blocks := make([]*[blockSize]byte, count)
	names := []byte("GO_BLOCK_A")
	for i := range pieces {
		pieces[i] = make([]byte, pieceSize)
		fill(pieces[i], byte(i))
		names[len(names)-1] = 'A' + byte(i)
		address, result := groupBlock(string(names), blockSize)
		if result != 0 {
			panic("visits: there is no block to be had")
		}
		blocks[i] = (*[blockSize]byte)(address)
		fill(blocks[i][:], 100+byte(i))
	}
	spoilt := int32(0)
	for i := range pieces {
		spoilt += others(pieces[i], byte(i)) + others(blocks[i][:], 100+byte(i))
	}
	return spoilt
}

func fill(bytes []byte, value byte) {
	for i := range bytes {
		bytes[i] = value
	}
}

func others(bytes []byte, value byte) int32 {
	count := int32(0)
	for _, each := range bytes {
		if each != value {
			count++
		}
	}
	return count
}

// Fails on purpose: in a reactor a panic prints where it was, and traps.
//
//go:wasmexport crash
func crash() {
	panic("crash")
}

// Called by the host after a restart from a checkpoint.
//
//go:wasmexport hr_restarted
func restarted(restartCause int32) {
	cause = restartCause
}

// The cause of the last restart from a checkpoint; -1 when there was none.
//
//go:wasmexport lastCause
func lastCause() int32 {
	return cause
}

// A reactor has none, but Go's compiler asks for it.
func main() {}
