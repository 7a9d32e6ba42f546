#pragma once

// OpenMP's runtime reads OMP_WAIT_POLICY when it is loaded, and has no function for it. Without passive waiting a thread that
// waits spins: on a machine with other work two threads took up to eight times as long as one.

/// Puts OMP_WAIT_POLICY=passive into the environment of a program that loads OpenMP's runtime later, unless OMP_WAIT_POLICY or
/// GOMP_SPINCOUNT is there. Does nothing where the system is not Linux.
void cs_wait_passively(void);

/// The same for a program that is linked with OpenMP's runtime, which is loaded before main: starts the program anew with the
/// variable in its environment. Returns where OMP_WAIT_POLICY or GOMP_SPINCOUNT is there, where the system is not Linux, and
/// where the program cannot be started anew. Arguments, descriptors, ignored and blocked signals and the process's number stay.
void cs_wait_passively_from_now(char **arguments);
