#pragma once

/// Starts this program anew with OMP_WAIT_POLICY=passive in its environment, unless OMP_WAIT_POLICY or GOMP_SPINCOUNT is
/// there. Returns where that is so, where the system is not Linux, and where the program cannot be started anew.
///
/// OpenMP's runtime reads the variable when it is loaded, which is before main, and has no function for it. Without it a
/// thread that waits spins: on a machine with other work two threads took up to eight times as long as one.
///
/// Arguments, descriptors, ignored and blocked signals and the process's number stay. It may be called before libraries are
/// initialized: it allocates nothing and calls only functions that need no initialization.
void cs_wait_passively(char **arguments, char **environment);

/// The same with the environment of this moment.
void cs_wait_passively_from_now(char **arguments);
