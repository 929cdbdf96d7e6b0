"""Plans as CUDA C: the bits of `prover.reference` from NVIDIA devices.

source    a plan's stages as kernels (`nests`, `products`, `integers`, over `prelude`) and launches
nvrtc     from source to machine code, with or without a device, kept on disk
device    what a device is to us, and CuPy's
machine   a plan, its kernels and its memory on a device
keccak    trees over tensors as CUDA C; `trees` launches them
resident  registers that stay on a device between runs, of which roots leave it
backend   the backend `cupy`

Nothing but `device` needs CuPy or a device. The tests' device is an interpreter of PTX.
"""
