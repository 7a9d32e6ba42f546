import NeuralNet
import Torch

/// The units of a batch that processes share: the parts follow each other in the order of the ranks.
struct UnitShares {
    /// The processes.
    let processes: ProcessGroup
    /// The number of units of each.
    private let counts: [Int]

    /// Describes parts of these sizes, by rank.
    init(_ processes: ProcessGroup, _ counts: [Int]) { (self.processes, self.counts) = (processes, counts) }

    /// The number of units of all.
    var total: Int { counts.reduce(0, +) }
    /// The position of this process's first unit.
    var first: Int { first(of: processes.rank) }

    private func first(of rank: Int) -> Int { counts.prefix(rank).reduce(0, +) }

    /// The numbers of all units, of which this process has its own, [units].
    func collected(_ own: Tensor) throws -> Tensor {
        let all = Tensor.zeros([total], dtype: own.dtype, device: own.device)
        try withoutGradients {
            try all.narrowed(0, from: first, length: counts[processes.rank]).assign(own.detached())
        }
        try processes.allReduce(all, as: "the collection of numbers by sample")
        return all
    }

    /// The products of the gradients of all units with each other.
    ///
    /// Each process in turn gives the others what its pass has captured; the block of two processes is made by one of them.
    ///
    /// - Parameters:
    ///   - own: the block of this process's units.
    ///   - pass: what this process has captured.
    ///   - estimator: whose parameters these are.
    ///   - block: the products of this process's units with those of another one, [own, other], of its pass and number.
    func gram(
        own: Tensor, _ pass: BackwardPass, of estimator: CurvatureEstimator,
        block: (BackwardPass, Int) throws -> Tensor
    ) throws -> Tensor {
        let operation = "the products of gradients by sample"
        let rank = processes.rank
        let all = Tensor.zeros([total, total], dtype: own.dtype, device: own.device)
        func place(_ row: Int, _ column: Int) -> Tensor {
            all.narrowed(0, from: first(of: row), length: counts[row])
                .narrowed(1, from: first(of: column), length: counts[column])
        }
        let captured = CapturedTensors(pass, of: estimator)
        for tensor in captured.tensors { try tensor.check() }
        let kinds = try processes.texts(captured.description, as: operation)
        try withoutGradients {
            try place(rank, rank).assign(own)
            for root in 0..<processes.size {
                let shown = try captured.like(kinds[root], isOwn: root == rank)
                for tensor in shown.tensors where tensor.count > 0 {
                    try processes.broadcast(tensor, from: root, as: operation)
                }
                // Of two processes the one makes their block if the sum of their ranks is odd, the other if it is even.
                guard rank != root, (rank < root) == ((rank + root) % 2 == 1) else { continue }
                let made = try block(shown.pass, counts[root])
                try place(rank, root).assign(made)
                try place(root, rank).assign(made.transposed())
            }
        }
        try processes.allReduce(all, as: operation)
        return all
    }
}

/// The tensors of a pass in an order that is the same in all processes.
private struct CapturedTensors {
    private let paths: [(path: ParameterPath, uses: Int)]
    private let keys: [ObjectIdentifier]
    private let weight: Double
    let tensors: [Tensor]

    init(_ pass: BackwardPass, of estimator: CurvatureEstimator) {
        paths = pass.uses.keys.sorted().map { ($0, pass.uses[$0]?.count ?? 0) }
        keys = estimator.parameters.map { ObjectIdentifier($0.parameter) }.filter { pass.rows[$0] != nil }
        weight = pass.weight
        tensors =
            paths.flatMap { pass.uses[$0.path] ?? [] }.flatMap { [$0.input, $0.outputGradient] }
            .map { $0.detached().contiguous() } + keys.compactMap { pass.rows[$0]?.detached().contiguous() }
    }

    private init(_ other: CapturedTensors, _ tensors: [Tensor]) {
        (paths, keys, weight) = (other.paths, other.keys, other.weight)
        self.tensors = tensors
    }

    /// The layers with their numbers of uses, and the type and shape of each tensor.
    var description: String {
        let names = paths.map { "\($0.path) \($0.uses)" }
        let kinds = tensors.map {
            ([Int($0.dtype.rawValue)] + $0.shape).map(String.init).joined(separator: " ")
        }
        return ([names.joined(separator: ",")] + kinds).joined(separator: "\n")
    }

    /// Room for the tensors of another process, which are described so; these ones, if they are meant. Throws `mismatched`
    /// where the layers of the other process are others.
    func like(_ text: String, isOwn: Bool) throws -> CapturedTensors {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == tensors.count + 1, description.hasPrefix(lines[0] + "\n") || tensors.isEmpty
        else {
            throw CurvatureError.mismatched(reason: "the layers that the processes used are not the same")
        }
        if isOwn { return self }
        let made = try zip(lines.dropFirst(), tensors).map { line, own in
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            guard let code = numbers.first, let dtype = DType(rawValue: Int32(code)) else {
                throw CurvatureError.mismatched(reason: "a process describes no tensor: \(line)")
            }
            return Tensor.zeros(Array(numbers.dropFirst()), dtype: dtype, device: own.device)
        }
        return CapturedTensors(self, made)
    }

    /// The pass of these tensors.
    var pass: BackwardPass {
        var left = tensors[...]
        var uses: [ParameterPath: [LayerActivation]] = [:]
        for (path, count) in paths {
            uses[path] = (0..<count).map { _ in
                LayerActivation(input: left.removeFirst(), outputGradient: left.removeFirst())
            }
        }
        return BackwardPass(
            uses: uses, rows: Dictionary(uniqueKeysWithValues: zip(keys, left)), weight: weight)
    }
}
