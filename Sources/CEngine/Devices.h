// Libraries of devices beside the CPU.
#pragma once

namespace ctorch {

/// Loads what the machine's cards need. libtorch's backward pass counts the devices when it first runs, so they must have
/// registered themselves by then.
void load_accelerators();

}  // namespace ctorch
