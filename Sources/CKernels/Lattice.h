// The transducer's lattice (Graves 2012): the probability of an utterance's labels, summed over all their alignments to
// frames, and its gradient.
//
// Included once for each type of numbers, with Real and LATTICE(name) defined, and once for each instruction set. Sums
// over alignments are taken in double and in log space.

#if LATTICE_IN_FLOAT
// e^x for x that is not far above 0, within 2e-7 of itself, and 0 below e^-87; what is no number stays none.
#define EXPONENTIAL_OF(x)                                                                             \
    ({                                                                                                \
        Floats argument = (x);                                                                        \
        Integers vanishes = argument < -87.0f;                                                        \
        argument = vanishes ? (Floats)-87.0f : argument;                                              \
        Floats shifted = argument * 0x1.715476p0f + ROUNDER;                                          \
        Floats whole = shifted - ROUNDER;                                                             \
        /* The logarithm of 2 in two parts, the first so short that its product is exact. */          \
        Floats rest = (argument - whole * 0x1.62e4p-1f) - whole * 0x1.7f7d1cp-20f;                     \
        rest *= 0x1.715476p0f;                                                                        \
        Floats scale = (Floats)(((Integers)shifted << 23) + 0x3f800000);                              \
        vanishes ? (Floats)0.0f : EXPONENTIAL(rest) * scale;                                          \
    })

// The last elements of a row, filled up with what has no exponential.
#define LATTICE_TAIL(row, begin, end)                                                                 \
    ({                                                                                                \
        float rest[LANES];                                                                            \
        for (int k = 0; k < LANES; ++k) rest[k] = -INFINITY;                                          \
        memcpy(rest, (row) + (begin), (size_t)((end) - (begin)) * sizeof(float));                     \
        LOAD(rest);                                                                                   \
    })
#endif

// log sum e^x over a row; -infinity if no element has an exponential.
INLINE double LATTICE(normalizer)(const Real *row, int64_t count) {
    Real largest = -INFINITY;
    for (int64_t k = 0; k < count; ++k) largest = row[k] > largest ? row[k] : largest;
    double sum = 0;
#if LATTICE_IN_FLOAT
    float top = isinf(largest) && largest < 0 ? 0 : largest;
    Floats lanes = 0.0f;
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES) lanes += EXPONENTIAL_OF(LOAD(row + k) - top);
    if (k < count) lanes += EXPONENTIAL_OF(LATTICE_TAIL(row, k, count) - top);
    for (int lane = 0; lane < LANES; ++lane) sum += lanes[lane];
#else
    double top = isinf(largest) && largest < 0 ? 0 : largest;
    for (int64_t k = 0; k < count; ++k) sum += exp(row[k] - top);
#endif
    return top + log(sum);
}

// e^(x - normalizer) times a factor, for a row.
INLINE void LATTICE(scaled_softmax)(
    const Real *row, double normalizer, double factor, int64_t count, Real *made) {
#if LATTICE_IN_FLOAT
    // What the normalizer loses by rounding counts where logits are large.
    float high = (float)normalizer, low = (float)(normalizer - (double)high), scale = (float)factor;
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES) {
        Floats x = (LOAD(row + k) - high) - low;
        STORE(made + k, EXPONENTIAL_OF(x) * scale);
    }
    if (k < count) {
        Floats x = (LATTICE_TAIL(row, k, count) - high) - low;
        Floats last = EXPONENTIAL_OF(x) * scale;
        memcpy(made + k, &last, (size_t)(count - k) * sizeof(float));
    }
#else
    for (int64_t k = 0; k < count; ++k) made[k] = exp(row[k] - normalizer) * factor;
#endif
}

INLINE const Real *LATTICE(row)(const ck_lattice *lattice, int64_t frame, int64_t position) {
    return (const Real *)lattice->logits + (frame * lattice->positions + position) * lattice->classes;
}

// The log probabilities of the blank and of the next label at each node, [frames, labels + 1].
INLINE void LATTICE(steps)(const ck_lattice *lattice, double *blanks, double *nexts) {
    int64_t width = lattice->labels + 1;
    for (int64_t t = 0; t < lattice->frames; ++t)
        for (int64_t u = 0; u < width; ++u) {
            const Real *row = LATTICE(row)(lattice, t, u);
            double normalizer = lattice->normalizers[t * lattice->positions + u];
            bool any = normalizer > -INFINITY || isnan(normalizer);
            blanks[t * width + u] = any ? (double)row[0] - normalizer : -INFINITY;
            nexts[t * width + u] =
                any && u < lattice->labels ? (double)row[lattice->symbols[u]] - normalizer : -INFINITY;
        }
}

static double LATTICE(loss)(const ck_lattice *lattice, double *scratch) {
    int64_t width = lattice->labels + 1, nodes = lattice->frames * width;
    double *blanks = scratch, *nexts = blanks + nodes, *alpha = nexts + nodes;
    for (int64_t t = 0; t < lattice->frames; ++t)
        for (int64_t u = 0; u < width; ++u)
            lattice->normalizers[t * lattice->positions + u] =
                LATTICE(normalizer)(LATTICE(row)(lattice, t, u), lattice->classes);
    LATTICE(steps)(lattice, blanks, nexts);
    lattice_forward(lattice->frames, width, blanks, nexts, alpha);
    return -(alpha[nodes - 1] + blanks[nodes - 1]);
}

static void LATTICE(gradient)(const ck_lattice *lattice, double weight, void *gradient, double *scratch) {
    int64_t width = lattice->labels + 1, nodes = lattice->frames * width, classes = lattice->classes;
    double *blanks = scratch, *nexts = blanks + nodes, *alpha = nexts + nodes, *beta = alpha + nodes;
    LATTICE(steps)(lattice, blanks, nexts);
    lattice_forward(lattice->frames, width, blanks, nexts, alpha);
    lattice_backward(lattice->frames, width, blanks, nexts, beta);
    double total = beta[0];
    for (int64_t t = 0; t < lattice->all_frames; ++t)
        for (int64_t u = 0; u < lattice->positions; ++u) {
            Real *made = (Real *)gradient + (t * lattice->positions + u) * classes;
            int64_t node = t * width + u;
            double share = t < lattice->frames && u < width ? exp(alpha[node] + beta[node] - total) : 0;
            if (share == 0) {
                memset(made, 0, (size_t)classes * sizeof(Real));
                continue;
            }
            // The probabilities of the paths that leave by the blank and by the next label.
            bool last = t + 1 == lattice->frames;
            double after = last ? (u + 1 == width ? 0 : -INFINITY) : beta[node + width];
            double blank = exp(alpha[node] + blanks[node] + after - total);
            double next = u + 1 < width ? exp(alpha[node] + nexts[node] + beta[node + 1] - total) : 0;
            double normalizer = lattice->normalizers[t * lattice->positions + u];
            LATTICE(scaled_softmax)(LATTICE(row)(lattice, t, u), normalizer, share * weight, classes, made);
            // In double: both terms are equal where a path is certain.
            made[0] = (Real)(weight * (share * exp(blanks[node]) - blank));
            if (u + 1 < width)
                made[lattice->symbols[u]] = (Real)(weight * (share * exp(nexts[node]) - next));
        }
}

static const ck_lattice_table LATTICE(lattice_table) = {
    .loss = LATTICE(loss),
    .gradient = LATTICE(gradient),
};

#undef EXPONENTIAL_OF
#undef LATTICE_TAIL
