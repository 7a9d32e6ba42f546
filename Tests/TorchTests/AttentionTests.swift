import CKernels
import Testing
import Torch

/// The loops of attention beside float64, with every instruction set and through the engine.
@Suite struct AttentionTests {
    struct Form: CustomTestStringConvertible, Sendable {
        var queries: Int
        var keys: Int
        var width: Int
        var isCausal: Bool
        var testDescription: String { "\(queries) x \(keys) x \(width)\(isCausal ? ", causal" : "")" }
    }

    static let forms = [
        (1, 1, 1), (7, 7, 5), (33, 33, 20), (100, 100, 32), (40, 70, 64), (70, 40, 33), (300, 300, 48),
    ].flatMap { size in
        [true, false].map { Form(queries: size.0, keys: size.1, width: size.2, isCausal: $0) }
    }

    /// Rows of a head, with three numbers between them that nothing may read or write.
    private final class Rows {
        let numbers: UnsafeMutablePointer<Float>
        let (count, width): (Int, Int)
        var row: Int { width + 3 }

        init(count: Int, width: Int) {
            (self.count, self.width) = (count, width)
            numbers = .allocate(capacity: count * (width + 3))
            numbers.initialize(repeating: .nan, count: count * (width + 3))
        }

        convenience init(_ tensor: Tensor) throws {
            self.init(count: tensor.shape[0], width: tensor.shape[1])
            for (k, number) in try tensor.detached().to(dtype: .float32).scalars(as: Float.self).enumerated()
            {
                numbers[k / width * row + k % width] = number
            }
        }

        deinit { numbers.deallocate() }

        /// The numbers less those of a tensor, at most, by the scale of the tensor's.
        func distance(from exact: Tensor?) throws -> Double {
            let exact = try #require(exact).detached().scalars(as: Double.self)
            var worst = 0.0
            for k in 0..<count {
                for j in 0..<width {
                    let found = Double(numbers[k * row + j])
                    worst = found.isNaN ? .infinity : max(worst, abs(found - exact[k * width + j]))
                }
                for j in width..<row where !numbers[k * row + j].isNaN { worst = .infinity }
            }
            return worst / max(1, exact.map(abs).max() ?? 0)
        }
    }

    private func composed(_ query: Tensor, _ key: Tensor, _ value: Tensor, _ isCausal: Bool) -> Tensor {
        withSecondDerivatives { query.attending(keys: key, values: value, isCausal: isCausal) }
    }

    @Test(arguments: [CK_BASELINE, CK_HASWELL, CK_AVX512].filter(ck_supports).map(\.rawValue), forms)
    func heads(_ set: UInt32, _ form: Form) throws {
        let generator = try RandomGenerator(seed: 1)
        func drawn(_ rows: Int) throws -> Tensor {
            try Tensor.normal([rows, form.width], dtype: .float64, using: generator).requiringGradient()
        }
        let (query, key, value) = try (drawn(form.queries), drawn(form.keys), drawn(form.keys))
        let slope = try drawn(form.queries).detached()
        let exact = composed(query, key, value, form.isCausal)
        let exactSlopes = try gradients(of: (exact * slope).sum(), withRespectTo: [query, key, value])

        let loops = ck_attention_for(ck_instruction_set(rawValue: set)).pointee
        let (queries, keys, values) = try (Rows(query), Rows(key), Rows(value))
        var job = ck_attention(
            query: queries.numbers, key: keys.numbers, value: values.numbers, query_row: Int64(queries.row),
            key_row: Int64(keys.row), value_row: Int64(values.row), queries: Int64(form.queries),
            keys: Int64(form.keys), width: Int64(form.width),
            scale: Float(1 / Double(form.width).squareRoot()),
            causal: form.isCausal)
        let room = Int(ck_attention_scratch(&job))
        // What lies in the scratch must not matter, and nothing behind it is touched.
        var scratch = [Float](repeating: .nan, count: room + 1)
        let output = Rows(count: form.queries, width: form.width)
        var logarithms = [Float](repeating: .nan, count: 2 * form.queries)
        loops.attend(&job, output.numbers, Int64(output.row), &logarithms, 2, &scratch)
        let outputSlope = try Rows(slope)
        let found = [form.queries, form.keys, form.keys].map { Rows(count: $0, width: form.width) }
        let row = Int64(output.row)
        var places = ck_attention_slopes(
            output: outputSlope.numbers, query: found[0].numbers, key: found[1].numbers,
            value: found[2].numbers,
            output_row: row, query_row: row, key_row: row, value_row: row)
        scratch = [Float](repeating: .nan, count: room + 1)
        loops.slopes(&job, &places, &logarithms, 2, &scratch)
        #expect(scratch[room].isNaN && logarithms.enumerated().allSatisfy { $0 % 2 == 0 || $1.isNaN })

        let error = try output.distance(from: exact)
        #expect(error < 2e-6)
        for (found, exact) in zip(found, exactSlopes) {
            let error = try found.distance(from: exact)
            #expect(error < 4e-6)
        }
    }

    /// How the engine is given heads: as a layer cuts them from its projection, or each in memory of its own.
    private func separated(_ stacked: Tensor, heads: Int) -> [Tensor] {
        let (batch, positions, width) = (stacked.shape[0], stacked.shape[1], stacked.shape[2] / 3)
        return (0..<3).map { part in
            stacked.narrowed(2, from: part * width, length: width)
                .reshaped([batch, positions, heads, width / heads]).transposed(1, 2)
        }
    }

    /// Through the engine: the fused operation, with its gradient, beside the composed one in float64.
    @Test(arguments: [true, false], [true, false])
    func throughTheEngine(_ isCausal: Bool, _ isContiguous: Bool) throws {
        func passes(_ dtype: DType, _ attend: (Tensor, Tensor, Tensor) -> Tensor) throws -> [Tensor] {
            let generator = try RandomGenerator(seed: 3)
            let stacked = try Tensor.normal([3, 50, 3 * 4 * 12], dtype: .float64, using: generator).to(
                dtype: dtype
            )
            .requiringGradient()
            let parts = separated(stacked, heads: 4).map { isContiguous ? $0.contiguous() : $0 }
            let output = attend(parts[0], parts[1], parts[2])
            let weights = Tensor.normal(output.shape, dtype: .float64, using: generator).to(dtype: dtype)
            let slope = try gradients(of: (output * weights).sum(), withRespectTo: [stacked])[0]
            return [output.detached(), try #require(slope)]
        }
        let exact = try passes(.float64) { composed($0, $1, $2, isCausal) }
        let found = try passes(.float32) { $0.attending(keys: $1, values: $2, isCausal: isCausal) }
        for (exact, found) in zip(exact, found) {
            let scale = try exact.magnitude().largest().item()
            let error = try (found.to(dtype: .float64) - exact).magnitude().largest().item()
            #expect(found.shape == exact.shape && error <= 4e-6 * scale)
        }
    }

    /// What is no number, or beyond the range, is not hidden; earlier positions do not see it.
    @Test(arguments: [Double.nan, .infinity]) func notFinite(_ value: Double) throws {
        let generator = try RandomGenerator(seed: 4)
        var parts = (0..<3).map { _ in Tensor.normal([1, 1, 80, 16], using: generator) }
        let last = (Tensor.indices(80) .>= 64).reshaped([1, 1, 80, 1])
        parts[1] = parts[1].masked(last, with: value)
        let output = parts[0].attending(keys: parts[1], values: parts[2], isCausal: true)
        let numbers = try output.scalars(as: Float.self)
        #expect(numbers[..<(32 * 16)].allSatisfy { $0.isFinite })
        #expect(numbers[(64 * 16)...].allSatisfy { $0.isNaN })
    }

    /// The same bits on any number of threads.
    @Test func threads() throws {
        let generator = try RandomGenerator(seed: 5)
        let parts = (0..<3).map { _ in Tensor.normal([4, 3, 65, 24], using: generator) }
        func output() throws -> [Float] {
            try parts[0].attending(keys: parts[1], values: parts[2], isCausal: true).scalars(as: Float.self)
        }
        let before = Engine.threadCount
        defer { Engine.threadCount = before }
        Engine.threadCount = 1
        let one = try output()
        Engine.threadCount = 2
        let several = try output()
        #expect(one == several)
    }
}
