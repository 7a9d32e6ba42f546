import CTorch

/// An operation of a ``ProcessGroup`` that has begun; the tensors are not to be used before ``wait()`` has returned.
public final class Exchange {
    private let handle: ct_work
    private let group: ProcessGroup
    private let operation: String
    private let results: [Tensor]

    init(owning handle: ct_work, of group: ProcessGroup, _ operation: String, results: [Tensor]) {
        (self.handle, self.group, self.operation, self.results) = (handle, group, operation, results)
    }

    deinit { ct_work_release(handle) }

    /// Waits until it is done. Throws if a process does not take part within the group's timeout.
    public func wait() throws(ProcessGroupError) {
        guard ct_work_wait(handle) == CT_OK else {
            throw group.failure(of: operation, String(cString: ct_error_message()))
        }
        for tensor in results { ct_tensor_note_change(tensor.handle) }
    }
}
