"""Instead of PyInstaller's own hook, which takes all of torch: what is imported, its libraries, and no CUDA.

The compiler and the exporters of torch are left out; Classic, Lite and SEEM never reach them.
"""

from pathlib import Path

from PyInstaller.utils.hooks import collect_dynamic_libs, get_package_paths

binaries = collect_dynamic_libs("torch", search_patterns=["*.so*", "*.dylib", "*.dll"])
# asked for while torch is imported, though tensors are never handed to other processes here
binaries += [(str(path), "torch/bin") for path in Path(get_package_paths("torch")[1], "bin").glob("torch_shm_manager*")]
module_collection_mode = "pyz+py"  # some modules of torch read their own source
hiddenimports = ["torch._C", "torch._VF"]
excludedimports = [
    "torch._dynamo", "torch._inductor", "torch.onnx", "torch.utils.tensorboard",
    "torch.utils.benchmark", "torch.utils.bottleneck", "torch._export.db", "torch.ao.ns",
]  # fmt: skip
bindepend_symlink_suppression = ["**/torch/lib/*.so*"]
