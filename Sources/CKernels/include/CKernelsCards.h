// Fused steps of AdamW, FAdam, FAdafactor and their relatives on cards: one launch a phase over all tensors.
//
// The phases are written once, in Phases.h. The library that Scripts/build-cuda-kernels makes runs them on a card, and is
// opened where it is there; the functions of this library run the same source on the machine's own memory, for tests.
#ifndef CKERNELSCARDS_H
#define CKERNELSCARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "CKernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The loops that there are for cards.
typedef enum cc_rule { CC_ADAPTIVE = 0, CC_METRIC = 1, CC_FACTORED = 2 } cc_rule;

/// One tensor's part of a step. Addresses are of the card's memory; float32 states, contiguous.
typedef struct cc_job {
    void *parameter;
    const void *gradient;
    float *momentum;  // NULL if there is none
    float *square;    // v or f; NULL where f is factored
    float *row_sums, *column_sums;
    int64_t count, rows, columns;
    int32_t rule;
    bool bfloat16;  // of the parameter and the gradient
    bool clips, has_unit_length;
    double clip;
    /// Of the row and column sums: R <- keep R + take (sum of (g^2 + inside)) + outside columns.
    double inside, outside;
    ck_adaptive adaptive;
    ck_metric metric;
    /// What the phases find: sums over the tensor, and max(1, RMS / c).
    ck_sums sums;
    double clip_factor;
} cc_job;

typedef struct cc_update_s *cc_update;

/// The functions of a library of kernels. Those that return a text return NULL unless they failed.
typedef struct cc_table {
    /// The layout of these structures; cc_layout of both sides must be the same.
    int64_t layout;
    /// Takes a copy of the jobs.
    const char *(*begin)(const cc_job *jobs, int64_t count, int32_t device, cc_update *update);
    /// Sums of the squares of the gradients as they lie in memory, into the jobs' sums.gradient; writes nothing else that
    /// the caller has. Waits for the card.
    const char *(*survey)(cc_update update, cc_job *jobs);
    /// Moves parameters and states by the constants that the jobs have now; then sums.change and clip_factor are set. Waits
    /// for the card.
    const char *(*move)(cc_update update, cc_job *jobs);
    void (*end)(cc_update update);
    /// The seconds that copying `bytes` bytes on the card takes, best of some turns; 0 where it cannot be measured.
    double (*copy_seconds)(int32_t device, int64_t bytes);
} cc_table;

/// A number that differs where the structures do.
int64_t cc_layout(void);
/// The phases on the machine's own memory.
const cc_table *cc_host_table(void);
/// The library of kernels for CUDA at a path; NULL if it is not there or is another version's, with the reason.
const cc_table *cc_open(const char *path, const char **reason);

#ifdef __cplusplus
}
#endif
#endif
