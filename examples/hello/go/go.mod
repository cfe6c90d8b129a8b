module hello

go 1.25

require (
	contract v0.0.0
	go.bytecodealliance.org/pkg v0.2.3
	mortar v0.0.0
)

// The kit, and what `mortar plugin build` makes of the contract.
replace (
	contract => ./build/contract
	go.bytecodealliance.org/pkg => ./build/contract/pkg
	mortar => ../../../plugins/sdk/go
)
