import Foundation
import Synchronization
import Testing
import Torch

/// Values in and out, operators, failures, gradients, generators and threads.
@Suite struct TensorTests {
    @Test func scalarsSurvive() throws {
        #expect(try Tensor([1.5, -2] as [Float]).scalars(as: Float.self) == [1.5, -2])
        #expect(try Tensor([1, 0, 255] as [UInt8]).scalars(as: Int64.self) == [1, 0, 255])
        #expect(try Tensor([true, false]).scalars(as: Bool.self) == [true, false])
        #expect(try Tensor([1.0078125]).to(dtype: .bfloat16).scalars(as: Double.self) == [1.0078125])
        #expect(try Tensor.full([], 3).item() == 3)
        #expect(Tensor([1, 2, 3, 4, 5, 6] as [Double], shape: [2, 3]).shape == [2, 3])
        #expect(try Tensor([] as [Float]).scalars(as: Float.self).isEmpty)
    }

    @Test(arguments: [DType.float32, .float64])
    func arithmetic(_ dtype: DType) throws {
        let a = Tensor([1, 2, 3, 4] as [Double], shape: [2, 2]).to(dtype: dtype)
        let b = Tensor([10, 20] as [Double]).to(dtype: dtype)
        func values(_ tensor: Tensor) throws -> [Double] { try tensor.scalars() }
        #expect(try values(a + b) == [11, 22, 13, 24])
        #expect(try values(1 - a) == [0, -1, -2, -3])
        #expect(
            try values(2 / a) == [2, 1, dtype == .float32 ? Double(Float(1) / 3 * 2) : 2 * (1.0 / 3), 0.5])
        #expect(try values(a.matmul(a)) == [7, 10, 15, 22])
        #expect(try values(a.sum(along: 0)) == [4, 6])
        #expect(try values(a.transposed()) == [1, 3, 2, 4])
        #expect(try a.rootMeanSquare().item() == 7.5.squareRoot())
        #expect(try values(a.clamped(to: 2...3)) == [2, 2, 3, 3])
    }

    @Test func rootMeanSquaresOfExtremes() throws {
        #expect(try Tensor([1e-37, 1e-37] as [Float]).rootMeanSquare().item() == Double(Float(1e-37)))
        #expect(try Tensor([1e200, 1e200]).rootMeanSquare().item() == 1e200)
        #expect(try Tensor([1e-200, 1e-200]).rootMeanSquare().item() == 1e-200)
        #expect(try Tensor([0.0, 0]).rootMeanSquare().item() == 0)
        #expect(try Tensor([] as [Double]).rootMeanSquare().item() == 0)
    }

    @Test func aFailureTravelsAndIsThrown() throws {
        let bad = Tensor.ones([2, 3]).matmul(.ones([2, 3]))
        let failure = try #require(bad.failure)
        #expect(failure.message.hasPrefix("matmul: "))
        #expect(!failure.message.contains("\n") && !failure.message.contains("frame #"))
        let later = (bad + 1).squared().sum()
        #expect(later.failure == failure)
        #expect(throws: failure) { try later.item() }
        #expect(throws: failure) { try Tensor.ones([1]).add(later) }
        #expect(throws: failure) { try gradients(of: later, withRespectTo: []) }
    }

    @Test func whatIsMissingIsSaidInOneSentence() throws {
        if Device.cudaCount == 0 {
            let error = try #require(Tensor.ones([1]).to(device: .cuda(0)).failure)
            #expect(error.kind == .deviceUnavailable)
            #expect(error.message.contains("cuda:0"))
        }
        let huge = Tensor.ones([1 << 40, 1 << 10])
        #expect(huge.failure?.kind == .outOfMemory)
    }

    @Test func gradientsOfALoss() throws {
        let x = try Tensor([1, 2, 3] as [Double]).requiringGradient()
        let unused = try Tensor([1.0]).requiringGradient()
        let found = try gradients(of: (x * x * x).sum(), withRespectTo: [x, unused], createGraph: true)
        #expect(try found[0]!.scalars(as: Double.self) == [3, 12, 27])
        #expect(found[1] == nil)
        let second = try gradients(of: found[0]!.sum(), withRespectTo: [x])
        #expect(try second[0]!.scalars(as: Double.self) == [6, 12, 18])
        withoutGradients { #expect(!(x * 2).requiresGradient) }
        #expect((x * 2).requiresGradient)
    }

    @Test func generatorsGoOnExactly() throws {
        let generator = try RandomGenerator(seed: 8)
        let other = try RandomGenerator(seed: 8)
        func draw(_ generator: RandomGenerator) throws -> [Float] {
            try Tensor.normal([100], using: generator).scalars()
        }
        #expect(try draw(generator) == draw(other))
        let state = try generator.state()
        let next = try draw(generator)
        try other.restore(state)
        #expect(try draw(other) == next)
        #expect(throws: TorchError.self) { try generator.restore([1, 2, 3]) }
    }

    @Test func theParallelLoopRunsOnSeveralThreads() {
        let seen = Mutex<Set<UInt>>([])
        let sum = Mutex(0)
        let (before, threads) = (Engine.threadCount, Processors.count)
        Engine.threadCount = threads
        defer { Engine.threadCount = before }
        for _ in 0..<10 {
            Engine.parallelFor(count: 1000, grain: 1) { range, _ in
                usleep(2000)
                let identity = UInt(bitPattern: Int(pthread_self()))
                seen.withLock { _ = $0.insert(identity) }
                sum.withLock { $0 += range.reduce(0, +) }
            }
        }
        #expect(sum.withLock { $0 } == 10 * 499_500)
        #expect(seen.withLock(\.count) > 1 || threads == 1)
    }

    /// Tensors, graphs and failures leave no memory behind.
    @Test func nothingLeaks() throws {
        func resident() throws -> Int {
            let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
            return Int(text.split(separator: " ")[1])! * Int(sysconf(Int32(_SC_PAGESIZE)))
        }
        func work() throws {
            for _ in 0..<200 {
                let x = try Tensor.ones([64, 64]).requiringGradient()
                _ = try gradients(of: (x.matmul(x) + 1).squared().sum(), withRespectTo: [x])
                _ = Tensor.ones([2, 3]).matmul(.ones([2, 3]))
            }
        }
        try work()
        // 2,000 rounds of a few 16 kB tensors each: a leak of one a round would be over 30 MB, every time. Other
        // tests of the same process grow it too, but not every time.
        var least = Int.max
        for _ in 0..<8 where least >= 16 << 20 {
            let before = try resident()
            for _ in 0..<10 { try work() }
            least = min(least, try resident() - before)
        }
        #expect(least < 16 << 20)
    }

    @Test(arguments: DType.allCases)
    func safetensorsKeepEveryBit(_ dtype: DType) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let tensor = Tensor([0, 1, 2, 3, 100, 1] as [Double], shape: [2, 3]).to(dtype: dtype).transposed()
        try SafetensorsWriter().write([SafetensorsSource(name: "x", tensor: tensor)], to: path)
        let back = try SafetensorsFile(path: path).tensor(named: "x")
        #expect(back.dtype == dtype)
        #expect(back.shape == [3, 2])
        #expect(try back.scalars(as: Double.self) == tensor.scalars(as: Double.self))
        #expect(throws: TorchError.self) {
            try SafetensorsSource(name: "bad", tensor: Tensor.ones([2, 3]).matmul(.ones([2, 3])))
        }
    }
}
