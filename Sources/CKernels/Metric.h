// Loops of FAdam with the whole diagonal: one that only sums, one that moves.
//
// Where a cache holds what the first computes until the second needs it, the inverses 1 / d are kept between them.

INLINE ck_sums NAME(metric_survey_vectors)(
    const ck_metric k, const Stored *p, const Stored *g, const float *f, float *inverses, int64_t count,
    ck_power power, bool decays, bool guarded, bool exact) {
    Doubles gradient_sum = 0.0, step_sum = 0.0, decay_sum = 0.0;
    for (int64_t block = 0; block < count; block += BLOCK) {
        int64_t end = block + BLOCK < count ? block + BLOCK : count;
        Floats gradient_part = 0.0f, step_part = 0.0f, decay_part = 0.0f;
        for (int64_t i = block; i < end; i += LANES) {
            FETCH(g + i);
            FETCH(f + i);
            if (decays) FETCH(p + i);
            Floats gradient = READ(g + i) * k.scale;
            Floats information = LOAD(f + i) * k.keep_f + SQUARE(gradient) * k.take_f + k.add_f;
            Floats inverse = INVERSE(POWER(information, k, power, guarded) + k.epsilon, guarded);
            if (inverses) STORE(inverses + i, inverse);
            Floats step = QUOTIENT(gradient, inverse, guarded);
            ADD_SQUARE(gradient_sum, gradient_part, gradient, exact);
            ADD_SQUARE(step_sum, step_part, step, exact);
            if (decays) {
                Floats decay = QUOTIENT(READ(p + i), inverse, guarded);
                ADD_SQUARE(decay_sum, decay_part, decay, exact);
            }
        }
        ADD_PART(gradient_sum, gradient_part, exact);
        ADD_PART(step_sum, step_part, exact);
        if (decays) ADD_PART(decay_sum, decay_part, exact);
    }
    return (ck_sums){total(&gradient_sum), total(&step_sum), total(&decay_sum), 0};
}

INLINE void NAME(metric_survey_power)(
    const ck_metric k, const Stored *p, const Stored *g, const float *f, float *inverses, int64_t count,
    ck_power power, ck_sums *sums) {
    int64_t whole = count / LANES * LANES, rest = count - whole;
    bool decays = k.of_decay != 0;
    ck_sums found =
        k.guarded ? NAME(metric_survey_vectors)(k, p, g, f, inverses, whole, power, decays, true, false)
        : decays  ? NAME(metric_survey_vectors)(k, p, g, f, inverses, whole, power, true, false, false)
                  : NAME(metric_survey_vectors)(k, p, g, f, inverses, whole, power, false, false, false);
    if (!trustworthy(found.gradient, whole) || !trustworthy(found.step, whole) ||
        (decays && !trustworthy(found.decay, whole)))
        found = NAME(metric_survey_vectors)(k, p, g, f, NULL, whole, power, decays, k.guarded, true);
    add(sums, found);
    if (rest == 0) return;
    Stored last_p[LANES] = {0}, last_g[LANES] = {0};
    float last_f[LANES] = {0}, last_inverses[LANES];
    memcpy(last_p, p + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_f, f + whole, (size_t)rest * sizeof(float));
    add(sums, NAME(metric_survey_vectors)(
                  k, last_p, last_g, last_f, last_inverses, LANES, power, decays, k.guarded, true));
    if (inverses) memcpy(inverses + whole, last_inverses, (size_t)rest * sizeof(float));
}

static void NAME(metric_survey)(
    const ck_metric *k, const void *p, const void *g, const float *f, float *inverses, int64_t count,
    ck_sums *sums) {
    switch (k->power) {
        case CK_ROOT: NAME(metric_survey_power)(*k, p, g, f, inverses, count, CK_ROOT, sums); break;
        case CK_WHOLE: NAME(metric_survey_power)(*k, p, g, f, inverses, count, CK_WHOLE, sums); break;
        case CK_ANY_POWER: NAME(metric_survey_power)(*k, p, g, f, inverses, count, CK_ANY_POWER, sums); break;
    }
}

INLINE double NAME(metric_apply_vectors)(
    const ck_metric k, Stored *p, const Stored *g, float *m, float *f, const float *inverses, int64_t count,
    ck_power power, bool decays, bool guarded) {
    Doubles change_sum = 0.0;
    for (int64_t block = 0; block < count; block += BLOCK) {
        int64_t end = block + BLOCK < count ? block + BLOCK : count;
        Floats change_part = 0.0f;
        for (int64_t i = block; i < end; i += LANES) {
            FETCH(p + i);
            FETCH(g + i);
            FETCH(m + i);
            FETCH(f + i);
            Floats theta = READ(p + i), gradient = READ(g + i) * k.scale;
            Floats information = LOAD(f + i) * k.keep_f + SQUARE(gradient) * k.take_f + k.add_f;
            STORE(f + i, information);
            Floats inverse =
                inverses ? LOAD(inverses + i)
                         : INVERSE(POWER(information, k, power, guarded) + k.epsilon, guarded);
            Floats momentum = LOAD(m + i) * k.keep_m + QUOTIENT(gradient, inverse, guarded) * k.take_m;
            STORE(m + i, momentum);
            Floats step = momentum * k.of_momentum + theta * k.of_theta;
            if (decays) step += QUOTIENT(theta, inverse, guarded) * k.of_decay;
            ADD_SQUARE(change_sum, change_part, step, false);
            WRITE(p + i, theta - step);
        }
        ADD_PART(change_sum, change_part, false);
    }
    return total(&change_sum);
}

INLINE void NAME(metric_apply_power)(
    const ck_metric k, Stored *p, const Stored *g, float *m, float *f, const float *inverses, int64_t count,
    ck_power power, ck_sums *sums) {
    int64_t whole = count / LANES * LANES, rest = count - whole;
    bool decays = k.of_decay != 0;
    sums->change +=
        k.guarded ? NAME(metric_apply_vectors)(k, p, g, m, f, inverses, whole, power, decays, true)
        : decays  ? NAME(metric_apply_vectors)(k, p, g, m, f, inverses, whole, power, true, false)
                  : NAME(metric_apply_vectors)(k, p, g, m, f, inverses, whole, power, false, false);
    if (rest == 0) return;
    Stored last_p[LANES] = {0}, last_g[LANES] = {0};
    float last_m[LANES] = {0}, last_f[LANES] = {0}, last_inverses[LANES] = {0};
    memcpy(last_p, p + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_g, g + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_m, m + whole, (size_t)rest * sizeof(float));
    memcpy(last_f, f + whole, (size_t)rest * sizeof(float));
    if (inverses) memcpy(last_inverses, inverses + whole, (size_t)rest * sizeof(float));
    sums->change += NAME(metric_apply_vectors)(
        k, last_p, last_g, last_m, last_f, inverses ? last_inverses : NULL, LANES, power, decays, k.guarded);
    memcpy(p + whole, last_p, (size_t)rest * sizeof(Stored));
    memcpy(m + whole, last_m, (size_t)rest * sizeof(float));
    memcpy(f + whole, last_f, (size_t)rest * sizeof(float));
}

static void NAME(metric_apply)(
    const ck_metric *k, void *p, const void *g, float *m, float *f, const float *inverses, int64_t count,
    ck_sums *sums) {
    // With the inverses at hand no power is taken.
    if (inverses) {
        NAME(metric_apply_power)(*k, p, g, m, f, inverses, count, CK_WHOLE, sums);
        return;
    }
    switch (k->power) {
        case CK_ROOT: NAME(metric_apply_power)(*k, p, g, m, f, NULL, count, CK_ROOT, sums); break;
        case CK_WHOLE: NAME(metric_apply_power)(*k, p, g, m, f, NULL, count, CK_WHOLE, sums); break;
        case CK_ANY_POWER: NAME(metric_apply_power)(*k, p, g, m, f, NULL, count, CK_ANY_POWER, sums); break;
    }
}
