// The functions of CTorch.h and CPages.h: CD_FORWARD(result, name, parameters, arguments) for each, without a guard: it is included
// several times. The compiler compares them with the headers; one that is missing here is missing where fisher is linked.
CD_FORWARD(ct_status, ct_error_status, (void), ())
CD_FORWARD(const char *, ct_error_message, (void), ())
CD_FORWARD(void, ct_fail, (ct_status status, const char *message), (status, message))
CD_FORWARD(void, ct_tensor_release, (ct_tensor tensor), (tensor))
CD_FORWARD(ct_tensor, ct_tensor_retain, (ct_tensor tensor), (tensor))
CD_FORWARD(
    ct_tensor, ct_tensor_empty,
    (const int64_t *sizes, int64_t rank, int32_t type, int32_t device, int32_t index),
    (sizes, rank, type, device, index))
CD_FORWARD(int64_t, ct_tensor_rank, (ct_tensor tensor), (tensor))
CD_FORWARD(void, ct_tensor_sizes, (ct_tensor tensor, int64_t *sizes), (tensor, sizes))
CD_FORWARD(int64_t, ct_tensor_count, (ct_tensor tensor), (tensor))
CD_FORWARD(int32_t, ct_tensor_type, (ct_tensor tensor), (tensor))
CD_FORWARD(int32_t, ct_tensor_device, (ct_tensor tensor), (tensor))
CD_FORWARD(int32_t, ct_tensor_device_index, (ct_tensor tensor), (tensor))
CD_FORWARD(bool, ct_tensor_is_contiguous, (ct_tensor tensor), (tensor))
CD_FORWARD(void *, ct_tensor_data, (ct_tensor tensor), (tensor))
CD_FORWARD(void, ct_tensor_note_change, (ct_tensor tensor), (tensor))
CD_FORWARD(int64_t, ct_tensor_version, (ct_tensor tensor), (tensor))
CD_FORWARD(ct_operator, ct_operator_find, (const char *name, const char *overload), (name, overload))
CD_FORWARD(
    ct_status, ct_call,
    (ct_operator op, const ct_value *arguments, int64_t argument_count, const ct_elements *elements, ct_tensor *results,
     int64_t *result_count),
    (op, arguments, argument_count, elements, results, result_count))
CD_FORWARD(ct_operator, ct_operator_named, (const char *name, const char *overload), (name, overload))
CD_FORWARD(void, ct_operator_release, (ct_operator op), (op))
CD_FORWARD(int64_t, ct_operator_argument_count, (ct_operator op), (op))
CD_FORWARD(const char *, ct_operator_argument_name, (ct_operator op, int64_t position), (op, position))
CD_FORWARD(
    ct_results, ct_invoke,
    (ct_operator op, const ct_value *arguments, int64_t argument_count, const ct_elements *elements),
    (op, arguments, argument_count, elements))
CD_FORWARD(void, ct_results_release, (ct_results results), (results))
CD_FORWARD(int64_t, ct_results_count, (ct_results results), (results))
CD_FORWARD(ct_kind, ct_results_kind, (ct_results results, int64_t number), (results, number))
CD_FORWARD(int64_t, ct_results_length, (ct_results results, int64_t number), (results, number))
CD_FORWARD(
    ct_tensor, ct_results_tensor,
    (ct_results results, int64_t number, int64_t position),
    (results, number, position))
CD_FORWARD(
    int64_t, ct_results_integer,
    (ct_results results, int64_t number, int64_t position),
    (results, number, position))
CD_FORWARD(double, ct_results_real, (ct_results results, int64_t number, int64_t position), (results, number, position))
CD_FORWARD(const char *, ct_results_text, (ct_results results, int64_t number), (results, number))
CD_FORWARD(bool, ct_gradients_enabled, (void), ())
CD_FORWARD(void, ct_set_gradients_enabled, (bool enabled), (enabled))
CD_FORWARD(bool, ct_tensor_requires_gradient, (ct_tensor tensor), (tensor))
CD_FORWARD(bool, ct_tensor_is_leaf, (ct_tensor tensor), (tensor))
CD_FORWARD(ct_status, ct_tensor_set_requires_gradient, (ct_tensor tensor, bool required), (tensor, required))
CD_FORWARD(
    ct_status, ct_gradients,
    (const ct_tensor *outputs, const ct_tensor *seeds, int64_t output_count, const ct_tensor *inputs, int64_t input_count,
     bool keep_graph, bool create_graph, int64_t receiving, ct_receive receive, void *context, ct_tensor *gradients),
    (outputs, seeds, output_count, inputs, input_count, keep_graph, create_graph, receiving, receive, context, gradients))
CD_FORWARD(
    ct_tensor, ct_recorded,
    (ct_tensor value, ct_tensor input, ct_backward backward, void (*release)(void *context), void *context),
    (value, input, backward, release, context))
CD_FORWARD(int32_t, ct_autocast_type, (void), ())
CD_FORWARD(ct_autocast, ct_autocast_begin, (int32_t type), (type))
CD_FORWARD(void, ct_autocast_end, (ct_autocast before), (before))
CD_FORWARD(ct_generator, ct_generator_create, (uint64_t seed, int32_t device, int32_t index), (seed, device, index))
CD_FORWARD(void, ct_generator_release, (ct_generator generator), (generator))
CD_FORWARD(ct_tensor, ct_generator_state, (ct_generator generator), (generator))
CD_FORWARD(ct_status, ct_generator_set_state, (ct_generator generator, ct_tensor state), (generator, state))
CD_FORWARD(const char *, ct_engine_version, (void), ())
CD_FORWARD(const char *, ct_engine_headers_version, (void), ())
CD_FORWARD(const char *, ct_engine_folder, (void), ())
CD_FORWARD(const char *, ct_instruction_set, (void), ())
CD_FORWARD(int32_t, ct_products, (void), ())
CD_FORWARD(int32_t, ct_set_products, (int32_t kind), (kind))
CD_FORWARD(int32_t, ct_give_products, (int32_t kind), (kind))
CD_FORWARD(double, ct_products_milliseconds, (int32_t kind), (kind))
CD_FORWARD(int32_t, ct_thread_count, (void), ())
CD_FORWARD(void, ct_set_thread_count, (int32_t count), (count))
CD_FORWARD(int32_t, ct_processor_count, (void), ())
CD_FORWARD(int32_t, ct_may_use_processor, (int32_t number), (number))
CD_FORWARD(void, ct_keep_freed_memory, (void), ())
CD_FORWARD(void, ct_exit_when_memory_runs_out, (int32_t status, const char *sentence), (status, sentence))
CD_FORWARD(void, ct_memory_ran_out, (void), ())
CD_FORWARD(int32_t, ct_cuda_device_count, (void), ())
CD_FORWARD(bool, ct_engine_has_cuda, (void), ())
CD_FORWARD(const char *, ct_cuda_obstacle, (void), ())
CD_FORWARD(const char *, ct_cuda_kernels_path, (void), ())
CD_FORWARD(int32_t, ct_driver_card_count, (void), ())
CD_FORWARD(
    bool, ct_cuda_card,
    (int32_t number, char *name, int32_t capacity, int64_t *bytes, int32_t *major, int32_t *minor),
    (number, name, capacity, bytes, major, minor))
CD_FORWARD(int32_t, ct_registered_device_count, (void), ())
CD_FORWARD(ct_status, ct_device_synchronize, (int32_t device, int32_t index), (device, index))
CD_FORWARD(
    int32_t, ct_parallel_for,
    (int64_t count, int64_t grain, ct_body body, void *context),
    (count, grain, body, context))
CD_FORWARD(
    ct_store, ct_store_tcp,
    (const char *host, int32_t port, bool serves, int64_t timeout),
    (host, port, serves, timeout))
CD_FORWARD(ct_store, ct_store_file, (const char *path, int32_t size, int64_t timeout), (path, size, timeout))
CD_FORWARD(void, ct_store_release, (ct_store store), (store))
CD_FORWARD(ct_status, ct_store_set, (ct_store store, const char *key, const char *value), (store, key, value))
CD_FORWARD(ct_status, ct_store_wait, (ct_store store, const char *key, int64_t timeout), (store, key, timeout))
CD_FORWARD(
    int64_t, ct_store_get,
    (ct_store store, const char *key, char *value, int64_t capacity),
    (store, key, value, capacity))
CD_FORWARD(
    ct_group, ct_group_create,
    (ct_store store, int32_t rank, int32_t size, const char *address, int64_t timeout, bool on_cards),
    (store, rank, size, address, timeout, on_cards))
CD_FORWARD(void, ct_group_release, (ct_group group), (group))
CD_FORWARD(
    ct_work, ct_group_reduce,
    (ct_group group, ct_tensor tensor, ct_reduction reduction),
    (group, tensor, reduction))
CD_FORWARD(ct_work, ct_group_broadcast, (ct_group group, ct_tensor tensor, int32_t root), (group, tensor, root))
CD_FORWARD(
    ct_work, ct_group_reduce_scatter,
    (ct_group group, ct_tensor result, ct_tensor tensor),
    (group, result, tensor))
CD_FORWARD(ct_work, ct_group_all_gather, (ct_group group, ct_tensor result, ct_tensor tensor), (group, result, tensor))
CD_FORWARD(ct_work, ct_group_barrier, (ct_group group), (group))
CD_FORWARD(ct_status, ct_work_wait, (ct_work work), (work))
CD_FORWARD(void, ct_work_release, (ct_work work), (work))
CD_FORWARD(
    void, cp_serve, (uint16_t port, cp_receive receive, cp_tell tell, void *context), (port, receive, tell, context))
CD_FORWARD(
    void, cp_answer, (cp_request request, int32_t status, const char *headers, const void *body, int64_t count),
    (request, status, headers, body, count))
