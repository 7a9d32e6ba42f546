// Loops of the rules that need no sum before they update: SGD, Adam, AdamW, RMSProp, Adagrad.
//
// Each loop runs over whole vectors, and once more over the last elements, in a copy filled up with zeros,
// which add nothing to any sum.

INLINE double NAME(square_sum_vectors)(const Stored *g, int64_t count, bool exact) {
    // Two sums hide the latency of the additions.
    Doubles even = 0.0, odd = 0.0;
    for (int64_t block = 0; block < count; block += BLOCK) {
        int64_t end = block + BLOCK < count ? block + BLOCK : count, i = block;
        Floats even_part = 0.0f, odd_part = 0.0f;
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            Floats a = READ(g + i), b = READ(g + i + LANES);
            ADD_SQUARE(even, even_part, a, exact);
            ADD_SQUARE(odd, odd_part, b, exact);
        }
        if (i < end) {
            Floats a = READ(g + i);
            ADD_SQUARE(even, even_part, a, exact);
        }
        ADD_PART(even, even_part, exact);
        ADD_PART(odd, odd_part, exact);
    }
    even += odd;
    return total(&even);
}

static void NAME(square_sum)(const void *gradient, int64_t count, ck_sums *sums) {
    const Stored *g = gradient;
    int64_t whole = count / LANES * LANES, rest = count - whole;
    double sum = NAME(square_sum_vectors)(g, whole, false);
    if (!trustworthy(sum, whole)) sum = NAME(square_sum_vectors)(g, whole, true);
    sums->gradient += sum;
    if (rest == 0) return;
    Stored last[LANES] = {0};
    memcpy(last, g + whole, (size_t)rest * sizeof(Stored));
    sums->gradient += NAME(square_sum_vectors)(last, LANES, true);
}

INLINE void NAME(plain_vectors)(
    const ck_plain k, Stored *p, const Stored *g, float *m, int64_t count, ck_sums *sums, bool remembers) {
    Doubles change_sum = 0.0;
    for (int64_t block = 0; block < count; block += BLOCK) {
        int64_t end = block + BLOCK < count ? block + BLOCK : count;
        Floats change_part = 0.0f;
        for (int64_t i = block; i < end; i += LANES) {
            FETCH(p + i);
            FETCH(g + i);
            if (remembers) FETCH(m + i);
            Floats theta = READ(p + i);
            Floats d = READ(g + i) * k.scale + theta * k.coupled;
            Floats step = d * k.of_gradient;
            if (remembers) {
                Floats momentum = LOAD(m + i) * k.mu + d;
                STORE(m + i, momentum);
                step += momentum * k.of_momentum;
            }
            Floats change = step * -k.rate;
            ADD_SQUARE(change_sum, change_part, change, false);
            WRITE(p + i, theta + change);
        }
        ADD_PART(change_sum, change_part, false);
    }
    sums->change += total(&change_sum);
}

static void NAME(plain)(
    const ck_plain *k, void *parameter, const void *gradient, float *m, int64_t count, ck_sums *sums) {
    Stored *p = parameter;
    const Stored *g = gradient;
    int64_t whole = count / LANES * LANES, rest = count - whole;
    if (m != NULL)
        NAME(plain_vectors)(*k, p, g, m, whole, sums, true);
    else
        NAME(plain_vectors)(*k, p, g, m, whole, sums, false);
    if (rest == 0) return;
    Stored last_p[LANES] = {0}, last_g[LANES] = {0};
    float last_m[LANES] = {0};
    memcpy(last_p, p + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
    if (m != NULL) memcpy(last_m, m + whole, (size_t)rest * sizeof(float));
    NAME(plain_vectors)(*k, last_p, last_g, last_m, LANES, sums, m != NULL);
    memcpy(p + whole, last_p, (size_t)rest * sizeof(Stored));
    if (m != NULL) memcpy(m + whole, last_m, (size_t)rest * sizeof(float));
}

INLINE void NAME(adaptive_vectors)(
    const ck_adaptive k, Stored *p, const Stored *g, float *m, float *v, int64_t count, ck_sums *sums,
    bool remembers, bool guarded) {
    Doubles change_sum = 0.0;
    for (int64_t block = 0; block < count; block += BLOCK) {
        int64_t end = block + BLOCK < count ? block + BLOCK : count;
        Floats change_part = 0.0f;
        for (int64_t i = block; i < end; i += LANES) {
            FETCH(p + i);
            FETCH(g + i);
            FETCH(v + i);
            if (remembers) FETCH(m + i);
            Floats theta = READ(p + i);
            Floats gradient = READ(g + i) * k.scale + theta * k.coupled;
            Floats square = LOAD(v + i) * k.keep_v + SQUARE(gradient) * k.take_v;
            square = AT_MOST(square, GREATEST / 2);
            STORE(v + i, square);
            Floats direction = gradient;
            if (remembers) {
                Floats momentum = LOAD(m + i) * k.keep_m + gradient * k.take_m;
                STORE(m + i, momentum);
                direction = momentum * k.correct_m;
            }
            Floats inverse = INVERSE(ROOT(square * k.correct_v + k.inside) + k.outside, guarded);
            Floats step = QUOTIENT(direction, inverse, guarded) + theta * k.decay;
            Floats change = step * -k.rate;
            ADD_SQUARE(change_sum, change_part, change, false);
            WRITE(p + i, theta + change);
        }
        ADD_PART(change_sum, change_part, false);
    }
    sums->change += total(&change_sum);
}

static void NAME(adaptive)(
    const ck_adaptive *k, void *parameter, const void *gradient, float *m, float *v, int64_t count,
    ck_sums *sums) {
    Stored *p = parameter;
    const Stored *g = gradient;
    int64_t whole = count / LANES * LANES, rest = count - whole;
    if (k->guarded)
        NAME(adaptive_vectors)(*k, p, g, m, v, whole, sums, m != NULL, true);
    else if (m != NULL)
        NAME(adaptive_vectors)(*k, p, g, m, v, whole, sums, true, false);
    else
        NAME(adaptive_vectors)(*k, p, g, m, v, whole, sums, false, false);
    if (rest == 0) return;
    Stored last_p[LANES] = {0}, last_g[LANES] = {0};
    float last_m[LANES] = {0}, last_v[LANES] = {0};
    memcpy(last_p, p + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_v, v + whole, (size_t)rest * sizeof(float));
    if (m != NULL) memcpy(last_m, m + whole, (size_t)rest * sizeof(float));
    NAME(adaptive_vectors)(*k, last_p, last_g, last_m, last_v, LANES, sums, m != NULL, true);
    memcpy(p + whole, last_p, (size_t)rest * sizeof(Stored));
    memcpy(v + whole, last_v, (size_t)rest * sizeof(float));
    if (m != NULL) memcpy(m + whole, last_m, (size_t)rest * sizeof(float));
}
