package podfile

// Packer is whose packing pieces are of.
var Packer = packer
