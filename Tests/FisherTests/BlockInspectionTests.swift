import Fisher
import Foundation
import Testing

@testable import FisherInformation

/// True blocks from Gram matrices against the whole matrices that they never form, in float64.
@Suite struct BlockInspectionTests {
    enum Network: String, CaseIterable {
        case perceptron, positions, twice, convolution, gpt, tiedGPT

        func make() throws -> (model: any Module, batch: SupervisedBatch, logits: (Tensor) -> Tensor) {
            if let known = InformationTests.Network(rawValue: rawValue) { return try known.make() }
            let generator = try RandomGenerator(seed: 7)
            let model = Sequential(
                Conv2d(2, 3, kernel: 3, padding: 1, dtype: .float64, using: generator), ReLU(), Flatten(),
                Linear(3 * 4 * 4, 3, dtype: .float64, using: generator))
            let images = Tensor.normal([6, 2, 4, 4], dtype: .float64, using: generator)
            let classes = Tensor([0, 1, 2, 0, 2, 1] as [Int64], shape: [6])
            return (model, SupervisedBatch(inputs: images, targets: classes), { model($0) })
        }
    }

    /// The matrices of one network by their definitions: each unit's part of F and of the empirical matrix, with a backward
    /// pass for every output.
    struct Brute {
        let paths: [ParameterPath]
        let sizes: [Int]
        /// Each unit's part of F, [units, parameters, parameters].
        let truth: [Tensor]
        let empirical: [Tensor]

        init(_ network: Network) throws {
            let (model, batch, logits) = try network.make()
            let named = model.parameters.filter(\.parameter.isTrainable)
            let tensors = named.map(\.parameter.wrappedValue)
            paths = named.map(\.path)
            sizes = tensors.map(\.count)
            func row(_ found: [Tensor?]) -> Tensor {
                .concatenated(zip(found, tensors).map { ($0 ?? .zeros(like: $1.detached())).flattened() })
            }
            var count = 0
            var (truth, empirical): ([Tensor], [Tensor]) = ([], [])
            for unit in 0..<batch.unitCount {
                let one = batch.slice(unit..<unit + 1)
                let z = logits(one.inputs)
                let objective = try Objective(Categorical(logits: z), observing: one.targets)
                count += objective.observationCount
                let flat = z.reshaped([-1, z.shape[z.rank - 1]])
                let labels = try one.targets.scalars(as: Int64.self)
                let p = flat.detached().softmax(along: 1)
                var sum = Tensor.zeros([sizes.reduce(0, +), sizes.reduce(0, +)], dtype: .float64)
                for position in 0..<flat.shape[0] where labels[position] >= 0 {
                    let rows = try (0..<flat.shape[1]).map { k in
                        let z = flat.narrowed(0, from: position, length: 1).narrowed(1, from: k, length: 1)
                        return row(try gradients(of: z.sum(), withRespectTo: tensors, keepGraph: true))
                    }
                    let (j, own) = (Tensor.stacked(rows), p.narrowed(0, from: position, length: 1))
                    let mean = own.matmul(j)
                    sum = sum + (j * own.transposed()).transposed().matmul(j) - mean.transposed().matmul(mean)
                }
                truth.append(sum)
                let g = row(try gradients(of: objective.negativeLogLikelihood, withRespectTo: tensors))
                    .unsqueezed(0)
                empirical.append(g.transposed().matmul(g))
            }
            let scale = 1 / Double(count)
            self.truth = truth.map { $0 * scale }
            self.empirical = empirical.map { $0 * scale }
        }

        func sum(_ parts: [Tensor]) -> Tensor { parts.dropFirst().reduce(parts[0], +) }

        /// The rows and columns of a layer's parameters.
        func part(_ matrix: Tensor, of layer: ParameterPath?) -> Tensor {
            guard let layer else { return matrix }
            let starts = sizes.reduce(into: [0]) { $0.append($0.last! + $1) }
            let members = paths.indices.filter { paths[$0].parent == layer }
            let chosen = members.flatMap { Array(starts[$0]..<starts[$0 + 1]) }
            return matrix.submatrix(chosen, chosen)
        }
    }

    private static func inspected(
        _ network: Network, samples: Int? = 0, rows: Int? = nil, seed: UInt64 = 0
    ) throws -> ModelInspection {
        let (model, batch, logits) = try network.make()
        var inspector = try ModelInspector(of: model, samples: samples, rows: rows, seed: seed)
        for part in [0..<2, 2..<batch.unitCount] {
            let slice = batch.slice(part)
            try inspector.add(Objective(Categorical(logits: logits(slice.inputs)), observing: slice.targets))
        }
        return try inspector.inspection()
    }

    private static func isClose(_ found: Double, _ wanted: Double, _ tolerance: Double = 1e-10) -> Bool {
        abs(found - wanted) <= tolerance * max(abs(wanted), 1e-12)
    }

    private static func expectBlock(_ block: TrueBlock, _ parts: [Tensor], _ name: String) throws {
        let f = parts.dropFirst().reduce(parts[0], +)
        let (n, p) = (Double(parts.count), f.shape[0])
        let values = try f.symmetricEigen().values.scalars(as: Double.self).reversed().map { max($0, 0) }
        let trace = try f.diagonalScalars().reduce(0, +)
        let energy = try f.squared().sum().item()
        #expect(block.parameterCount == p && block.unitCount == parts.count)
        #expect(isClose(block.trace, trace) && isClose(block.squaredNorm, energy), "\(name)")
        #expect(isClose(block.norm, energy.squareRoot()))
        let rank = values.prefix { $0 > 1e-12 * values[0] }.count
        #expect(block.rank == rank, "\(name): \(block.rank), not \(rank)")
        for (found, wanted) in zip(block.spectrum.values, values).prefix(rank) {
            #expect(abs(found - wanted) <= 1e-10 * values[0], "\(name)")
        }
        #expect(isClose(block.effectiveRank, Spectrum(values: values).effectiveRank, 1e-9), "\(name)")
        #expect((block.conditionNumber == .infinity) == (rank < p))
        for damping in [1e-4, 1e-2, 1.0] {
            let wanted = values.prefix(rank).reduce(0) { $0 + $1 / ($1 + damping) }
            #expect(isClose(block.effectiveParameters(damping: damping), wanted, 1e-9))
        }
        // |F|^2 over pairs of different units.
        var pairs = 0.0
        for (i, x) in parts.enumerated() {
            for (k, y) in parts.enumerated() where i != k { pairs += try (x * y).sum().item() }
        }
        #expect(
            abs(try #require(block.unbiasedSquaredNorm) - pairs * n / (n - 1)) <= 1e-10 * energy, "\(name)")
        // Ledoit and Wolf by their formulas, with X_n = n F_n.
        let target = trace / Double(p)
        let spread = try (f - .identity(p, dtype: .float64) * target).squared().sum().item()
        let noise = try parts.reduce(0) { $0 + (try ($1 * n - f).squared().sum().item()) } / (n * n)
        let weight = min(1, noise / spread)
        #expect(isClose(block.shrinkage.weight, weight, 1e-9), "\(name)")
        #expect(isClose(block.shrinkage.target, target))
        let shrunk = Spectrum(values: values.map { (1 - weight) * $0 + weight * target })
        #expect(isClose(block.shrinkage.effectiveRank, shrunk.effectiveRank, 1e-8), "\(name)")
        #expect(isClose(block.shrinkage.topEigenvalue, shrunk.values[0], 1e-9))
        // The halves: even units, odd ones.
        let halves = try #require(block.halves)
        let sides = [0, 1].map { side in
            let own = parts.indices.filter { $0 % 2 == side }.map { parts[$0] }
            return own.dropFirst().reduce(own[0], +) * (n / Double(own.count))
        }
        var (top, other, ranks) = (0.0, 0.0, 0.0)
        for side in 0..<2 {
            let (ascending, vectors) = sides[side].symmetricEigen()
            let values = try ascending.scalars(as: Double.self)
            let v = vectors.narrowed(1, from: p - 1, length: 1)
            top += values[p - 1] / 2
            other += try v.transposed().matmul(sides[1 - side]).matmul(v).item() / 2
            ranks += Spectrum(values: values).effectiveRank / 2
        }
        #expect(
            isClose(halves.eigenvalues[0], top, 1e-9) && isClose(halves.heldOut[0], other, 1e-8), "\(name)")
        #expect(isClose(halves.effectiveRank, ranks, 1e-8))
        #expect(isClose(halves.extrapolated(block.spectrum.values[0]), 2 * values[0] - top, 1e-9))
    }

    @Test(arguments: Network.allCases)
    func blocksAreThoseOfTheWholeMatrix(_ network: Network) throws {
        let found = try Self.inspected(network)
        let brute = try Brute(network)
        #expect(found.source == .exact && found.unitCount == brute.truth.count)
        for layer in found.layers {
            try Self.expectBlock(
                layer.block, brute.truth.map { brute.part($0, of: layer.path) }, "\(layer.path)")
        }
        try Self.expectBlock(found.whole, brute.truth, "whole")
        let f = brute.sum(brute.truth)
        let apart = try found.layers.reduce(0.0) {
            $0 + (try brute.part(f, of: $1.path).squared().sum().item())
        }
        let all = try f.squared().sum().item()
        #expect(abs(found.betweenLayersShare - (1 - apart / all)) < 1e-10)
        // Rows never take more than was allowed, and whole units only.
        let few = try Self.inspected(network, rows: 2 * found.rowCount / found.unitCount + 1)
        #expect(few.unitCount == 2)
    }

    /// Diagonal, K-FAC and EKFAC against the whole block, each matrix written out.
    @Test(arguments: Network.allCases)
    func errorsAreThoseOfTheWholeMatrices(_ network: Network) throws {
        let found = try Self.inspected(network)
        let brute = try Brute(network)
        let (f, e) = (brute.sum(brute.truth), brute.sum(brute.empirical))
        let (model, batch, logits) = try network.make()
        let factors = try #require(
            try CurvatureEstimator(of: model).estimate(
                [.kronecker(.exact)],
                of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            ).kronecker(.exact)
        ).layers
        func distance(_ x: Tensor, _ y: Tensor) throws -> Double {
            try (x - y).norm().item() / y.norm().item()
        }
        func kronecker(_ s: Tensor, _ a: Tensor) -> Tensor {
            let (rows, columns) = (s.shape[0], a.shape[0])
            return (s.reshaped([rows, 1, rows, 1]) * a.reshaped([1, columns, 1, columns]))
                .reshaped([rows * columns, rows * columns])
        }
        for layer in found.layers {
            let block = brute.part(f, of: layer.path)
            let p = block.shape[0]
            let identity = Tensor.identity(p, dtype: .float64)
            let errors = Dictionary(
                uniqueKeysWithValues: layer.errors.map { ($0.structure, $0.comparison.relativeDistance) })
            let diagonal = try #require(errors["diagonal"])
            #expect(Self.isClose(diagonal, try distance(block * identity, block)), "\(layer.path)")
            #expect(abs(layer.diagonalShare - (1 - diagonal * diagonal)) < 1e-10)
            let labels = brute.part(e, of: layer.path)
            let cosine = try (block * labels).sum().item() / (block.norm().item() * labels.norm().item())
            #expect(
                abs(layer.blockComparison.cosine - cosine) < 1e-10 && layer.blockComparison.standardError == 0
            )
            #expect(
                Self.isClose(layer.blockComparison.relativeDistance, try distance(labels, block), 1e-9))
            let (d, own) = (block.diagonal(), labels.diagonal())
            let angle = try (d * own).sum().item() / (d.norm().item() * own.norm().item())
            #expect(abs(layer.diagonalComparison.cosine - angle) < 1e-10)
            guard let factor = factors[layer.path] else {
                #expect(layer.errors.count == 1)
                continue
            }
            // The matrix is row-major with the bias as the last column; the parameters have all biases at the end.
            let (o, i) = (factor.s.shape[0], factor.a.shape[0])
            let hasBias = model.parameters.contains { $0.path == layer.path.appending("bias") }
            let inputs = hasBias ? i - 1 : i
            let order =
                (0..<o).flatMap { row in (0..<inputs).map { row * i + $0 } }
                + (hasBias ? (0..<o).map { $0 * i + inputs } : [])
            let product = kronecker(factor.s, factor.a).submatrix(order, order)
            #expect(
                Self.isClose(try #require(errors["kronecker"]), try distance(product, block)), "\(layer.path)"
            )
            let basis = try KroneckerEigenbasis(of: factor)
            let q = kronecker(basis.outputs, basis.inputs).gathering(Tensor(order.map(Int64.init)), along: 0)
            let turned = q.transposed().matmul(block).matmul(q)
            let corrected = q.matmul(turned * identity).matmul(q.transposed())
            #expect(Self.isClose(try #require(errors["ekfac"]), try distance(corrected, block), 1e-9))
            #expect(layer.errors.map(\.structure) == ["diagonal", "kronecker", "ekfac"])
        }
        // tr[(F + damping)^-1 J] where F is not rounding.
        let (values, vectors) = f.symmetricEigen()
        let scalars = try values.scalars(as: Double.self)
        let energies = try (vectors * e.matmul(vectors)).sum(along: 0).scalars(as: Double.self)
        for damping in [1e-3, 1e-1] {
            let wanted = zip(scalars, energies).reduce(0) {
                $1.0 > 1e-12 * scalars.last! ? $0 + $1.1 / ($1.0 + damping) : $0
            }
            #expect(Self.isClose(found.takeuchi(damping: damping), wanted, 1e-8))
        }
        // A gradient at labels is a combination of the closed form's rows.
        #expect(Self.isClose(found.takeuchi.identifiableShare, 1, 1e-6))
        let cosine = try (f * e).sum().item() / (f.norm().item() * e.norm().item())
        #expect(abs(found.comparison.cosine - cosine) < 1e-10)
    }

    /// Cosines from draws are corrected for them: over many seeds their mean is that of the closed form, where the cosine to
    /// a mean over draws as it is lies below, and the standard errors are those that the seeds show.
    @Test(arguments: [Network.perceptron, .convolution])
    func cosinesHaveTheErrorOfTheDraws(_ network: Network) throws {
        let exact = try Self.inspected(network).layers
        let seeds = 40
        let drawn = try (0..<seeds).map { try Self.inspected(network, samples: 12, seed: UInt64($0)).layers }
        for (position, layer) in exact.enumerated() {
            let wanted = layer.blockComparison.cosine
            let found = drawn.map { $0[position].blockComparison }
            let mean = found.reduce(0) { $0 + $1.cosine } / Double(seeds)
            let plain = found.reduce(0) { $0 + $1.uncorrectedCosine } / Double(seeds)
            let spread = (found.reduce(0) { $0 + pow($1.cosine - mean, 2) } / Double(seeds - 1)).squareRoot()
            #expect(plain < mean, "\(layer.path): \(plain), \(mean), \(wanted)")
            #expect(
                abs(mean - wanted) < 3 * spread / Double(seeds).squareRoot(),
                "\(layer.path): \(plain), \(mean), \(wanted), \(spread)")
            let stated = found.compactMap(\.standardError).sorted()
            #expect(stated.count == seeds)
            #expect(
                stated[seeds / 2] > spread / 2 && stated[seeds / 2] < 2 * spread,
                "\(stated[seeds / 2]), \(spread)")
        }
        // One draw can be neither corrected nor judged, two not judged.
        let one = try Self.inspected(network, samples: 1).layers[0].blockComparison
        #expect(one.standardError == nil && one.interval == nil && one.cosine == one.uncorrectedCosine)
        let two = try Self.inspected(network, samples: 2).layers[0].blockComparison
        #expect(two.standardError == nil)
    }

    /// What is chosen where nothing is said: the closed form up to 16 passes, otherwise draws.
    @Test func theSourceIsChosenByItsCost() throws {
        #expect(try Self.inspected(.perceptron, samples: nil).source == .exact)
        // 7 classes at 5 positions are 35 passes.
        #expect(try Self.inspected(.gpt, samples: nil).source == .sampled(16))
    }

    /// Rows that do not fit into memory at once give the same Gram matrices.
    @Test(arguments: Network.allCases)
    func piecesGiveTheSameGramMatrix(_ network: Network) throws {
        let (model, batch, logits) = try network.make()
        let objective = try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
        let found = try #require(
            try CurvatureEstimator(of: model).estimate([.unitGradients(.exact, units: 4)], of: objective)
                .unitGradients(.exact, units: 4))
        #expect(found.unitCount == 4 && found.observationCount <= Double(objective.observationCount))
        for block in found.blocks {
            let rows = try BlockRows(found, block)
            let whole = try #require(rows.whole)
            let wanted = whole.matmul(whole.transposed())
            #expect(try (rows.gram(with: rows) - wanted).norm().item() <= 1e-12 * wanted.norm().item())
            #expect(found.runs(parameterCount: 1 << 30).count == found.rowCount)
        }
    }
}
