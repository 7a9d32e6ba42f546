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

/// Whether libtorch is loaded. It is, except in the program fisher, which is linked without it, until that has started itself
/// anew with it.
int cs_has_engine(void);

/// Starts this program anew with libtorch and OMP_WAIT_POLICY=passive as above, and returns only if that cannot be.
///
/// The dynamic loader loads libtorch by LD_PRELOAD, from which cs_forget_engine takes it again. Like cs_wait_passively it may
/// be called at any time, in a signal's handler too.
void cs_start_with_engine(char **arguments, char **environment);

/// The same with the environment of this moment.
void cs_start_with_engine_from_now(char **arguments);

/// Takes libtorch out of LD_PRELOAD, so that programs which this one starts do not load it, and returns whether it was there.
int cs_forget_engine(char **environment);
