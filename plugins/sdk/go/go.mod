module mortar

go 1.25

require (
	contract v0.0.0
	go.bytecodealliance.org/pkg v0.2.3
)

// Made of the contract: mortar-kits go wit build/contract
replace (
	contract => ./build/contract
	go.bytecodealliance.org/pkg => ./build/contract/pkg
)
