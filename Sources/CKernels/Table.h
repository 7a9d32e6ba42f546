static const ck_table NAME(table) = {
    .square_sum = NAME(square_sum),
    .plain = NAME(plain),
    .adaptive = NAME(adaptive),
    .metric_survey = NAME(metric_survey),
    .metric_apply = NAME(metric_apply),
    .factor_sums = NAME(factor_sums),
    .factored_survey = NAME(factored_survey),
    .factored_apply = NAME(factored_apply),
    .divided = NAME(divided),
};
