import CTorch

/// The libtorch library of this process.
public enum Engine {
    /// The version of the library that is loaded, such as "2.13.0".
    public static var version: String { String(cString: ct_engine_version()) }

    /// The version that this package was compiled against; another one that is loaded may compute wrong numbers.
    public static var compiledVersion: String { String(cString: ct_engine_headers_version()) }

    /// The folder that holds its `include` and `lib`; nil if the system does not report it.
    public static var folder: String? { ct_engine_folder().map { String(cString: $0) } }

    /// The vector instruction set that its kernels use here, such as "AVX512".
    public static var instructionSet: String { String(cString: ct_instruction_set()) }

    /// The number of threads that an operation may use, those of `parallelFor` included: as many as the processors that the
    /// process may use, unless `OMP_NUM_THREADS` or somebody set another number.
    ///
    /// A number beyond ``Processors/count`` sets that one: more threads than processors only wait for each other.
    public static var threadCount: Int {
        get { Int(ct_thread_count()) }
        set {
            precondition(newValue > 0, "a thread count must be positive, not \(newValue)")
            ct_set_thread_count(Int32(clamping: min(newValue, Processors.count)))
        }
    }

    /// Lets the process keep memory that is freed instead of returning it to the system at once.
    ///
    /// A step allocates what the step before it freed; without this, the GNU C library's allocator returns the end of its
    /// heap after many steps, and the next one pays for every page again (a tenth to a fifth of a step of a convolutional
    /// network). It holds for the whole process, so a program decides it, at its start; elsewhere it does nothing.
    public static func keepFreedMemory() { ct_keep_freed_memory() }

    /// Ends the process with an exit status and a sentence on standard error where memory runs out in a way that no error
    /// can report: in a thread of libtorch, in Swift's own allocator, or where a failed tensor is asked for its shape.
    /// What can be reported is a `TorchError` of kind `outOfMemory` all the same. For programs; it holds for the process.
    package static func exitWhenMemoryRunsOut(status: Int32, saying sentence: String) {
        ct_exit_when_memory_runs_out(status, sentence)
    }

    /// Shares the indices 0 ..< count among the threads of libtorch's own pool, in contiguous pieces of at
    /// least `grain` indices; the pieces depend on the thread count only.
    ///
    /// - Returns: the number of threads that took part.
    @discardableResult
    package static func parallelFor(
        count: Int, grain: Int, _ body: @Sendable (_ range: Range<Int>, _ piece: Int) -> Void
    ) -> Int {
        withoutActuallyEscaping(body) { body in
            var box = LoopBody(run: body)
            return withUnsafeMutablePointer(to: &box) { pointer in
                Int(
                    ct_parallel_for(
                        Int64(count), Int64(grain),
                        { context, begin, end, piece in
                            let body = context!.assumingMemoryBound(to: LoopBody.self)
                            body.pointee.run(Int(begin)..<Int(end), Int(piece))
                        }, pointer))
            }
        }
    }

    private struct LoopBody {
        let run: @Sendable (Range<Int>, Int) -> Void
    }
}
