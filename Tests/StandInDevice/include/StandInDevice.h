// A second device for tests on machines without one.
//
// It registers itself as libtorch's PrivateUse1 backend, `standin:0`, when it is loaded. Its operations are those of
// the CPU, on the same kind of memory, so that results can be compared bit by bit; but a tensor of the CPU among the
// arguments of an operation is an error, as it is on a card, and generators must belong to the device.
#ifndef STAND_IN_DEVICE_H
#define STAND_IN_DEVICE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Makes it the process's accelerator, once; not to be called where there is a card.
void stand_in_begin(void);
/// How many operations have run on it.
int64_t stand_in_operation_count(void);
/// How often somebody has waited for it.
int64_t stand_in_synchronization_count(void);
/// How many copies have come from the CPU or gone there.
int64_t stand_in_transfer_count(void);

#ifdef __cplusplus
}
#endif
#endif
