import Fisher
import Foundation
import Testing

/// The numbers of the diagnostics against matrices of which they are known.
@Suite struct DiagnosticsTests {
    /// A positive semi-definite matrix of a rank.
    private func matrix(_ size: Int, rank: Int, seed: UInt64) throws -> Tensor {
        let rows = Tensor.normal([rank, size], dtype: .float64, using: try RandomGenerator(seed: seed))
        return rows.transposed().matmul(rows) / Double(rank)
    }

    /// A (x) S, the outputs outside: row-major weights [outputs, inputs].
    private func kronecker(_ s: Tensor, _ a: Tensor) -> Tensor {
        let (m, n) = (s.shape[0], a.shape[0])
        let product = s.reshaped([m, 1, m, 1]) * a.reshaped([1, n, 1, n])
        return product.reshaped([m * n, m * n])
    }

    @Test func spectraAreThoseOfKnownMatrices() throws {
        let spectrum = try Spectrum(of: Tensor([2.0, 1, 1, 2], shape: [2, 2]))
        #expect(zip(spectrum.values, [3, 1]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(abs(spectrum.conditionNumber() - 3) < 1e-12 && abs(spectrum.trace - 4) < 1e-12)
        #expect(abs(Spectrum(values: [2, 2, 2]).effectiveRank - 3) < 1e-12)
        #expect(Spectrum(values: [5, 0, 0]).effectiveRank == 1)
        #expect(Spectrum(values: [0, 0]).effectiveRank == 0)
        #expect(Spectrum(values: [1, -1e-17]).values == [1, 0])
        #expect(Spectrum(values: [1, 1e-13]).conditionNumber() == .infinity)
        #expect(Spectrum(values: [1, 0.25, 1e-13, 0]).rangeConditionNumber() == 4)
        #expect(Spectrum(values: [1, 0.25, 1e-13, 0]).rank() == 2 && Spectrum(values: [0, 0]).rank() == 0)
        #expect(Spectrum(values: [0, 0]).rangeConditionNumber() == .infinity)
        #expect(Spectrum(values: [1, 1e-13]).conditionNumber(cutoff: 0) == 1e13)
        let diagonal = try Spectrum(diagonalOf: Tensor([2.0, 1, 1, 2], shape: [2, 2]))
        #expect(diagonal.values == [2, 2])
        // (3, 1) moves to (2, 2).
        #expect(abs(spectrum.relativeShift(to: diagonal) - (2.0 / 10).squareRoot()) < 1e-12)
    }

    /// Effective rank, condition number and diagonal share of a Kronecker product are products.
    @Test func productsOfFactorsNeedNoProduct() throws {
        let (a, s) = (try matrix(4, rank: 9, seed: 1), try matrix(3, rank: 8, seed: 2))
        let whole = kronecker(s, a)
        let (one, two, both) = (try Spectrum(of: a), try Spectrum(of: s), try Spectrum(of: whole))
        #expect(abs(one.effectiveRank * two.effectiveRank - both.effectiveRank) < 1e-9)
        let conditions = one.conditionNumber() * two.conditionNumber()
        #expect(abs(conditions / both.conditionNumber() - 1) < 1e-9)
        let shares = try DiagonalShare(of: a).raw * DiagonalShare(of: s).raw
        let share = try DiagonalShare(of: whole).raw
        #expect(abs(shares - share) < 1e-12)
    }

    /// The mean of rectified inputs hides that they are independent.
    @Test func theMeanTakesEnergyFromTheDiagonal() throws {
        let x = Tensor.normal([4000, 6], dtype: .float64, using: try RandomGenerator(seed: 3)).relu()
        let moment = x.transposed().matmul(x) / 4000
        let share = try DiagonalShare(of: moment, mean: x.mean(along: 0))
        let centred = try #require(share.centred)
        let rest = x - x.mean(along: 0)
        let covariance = try DiagonalShare(of: rest.transposed().matmul(rest) / 4000).raw
        #expect(abs(centred - covariance) < 1e-12)
        #expect(share.raw < 0.7 && centred > 0.98)
        #expect(try DiagonalShare(of: .zeros([3, 3], dtype: .float64)) == DiagonalShare(of: .zeros([3, 3])))
        // Sums that are divided by another number than that of their terms.
        let scaled = try DiagonalShare(of: moment * 3, mean: x.mean(along: 0), weight: 3)
        #expect(abs(try #require(scaled.centred) - covariance) < 1e-12)
    }

    @Test func eigenvaluesLieInTheDiscs() throws {
        for seed in 1...5 as ClosedRange<UInt64> {
            let m = try matrix(6, rank: 7, seed: seed)
            let (discs, spectrum) = (try GershgorinDiscs(of: m), try Spectrum(of: m))
            for value in spectrum.values {
                #expect(zip(discs.centres, discs.radii).contains { abs(value - $0) <= $1 + 1e-12 })
                #expect(discs.bounds.contains(value))
            }
        }
        let known = try GershgorinDiscs(of: Tensor([4.0, -1, 0, -1, 2, 3, 0, 3, 5], shape: [3, 3]))
        #expect(known.centres == [4, 2, 5] && known.radii == [1, 4, 3])
        #expect(known.bounds == -2...8)
        #expect(abs(known.dominantShare - 2.0 / 3) < 1e-15 && abs(known.relativeRadius - 8.0 / 11) < 1e-15)
        #expect(try GershgorinDiscs(of: .ones([1, 1])).relativeRadius == 0)
    }

    @Test func comparisonsAreAnglesAndDistances() throws {
        let (p, q) = (ParameterPath("p"), ParameterPath("q"))
        let one = [p: Tensor([3.0, 0]), q: Tensor([0.0])]
        let two = [p: Tensor([3.0, 4]), q: Tensor([0.0])]
        let found = try InformationComparison(one, to: two)
        #expect(abs(found.cosine - 0.6) < 1e-15 && abs(found.relativeDistance - 0.8) < 1e-15)
        #expect(abs(found.scale - 0.6) < 1e-15)
        #expect(try InformationComparison(one, to: one).relativeDistance == 0)
        #expect(try InformationComparison(one, to: two, of: [q]).cosine == 0)
        #expect(try InformationComparison(two, to: one.mapValues { $0 * 0 }).relativeDistance == .infinity)
        #expect(throws: CurvatureError.self) { try InformationComparison(one, to: [p: Tensor([1.0, 2])]) }
    }

    private func estimates(
        _ network: InformationTests.Network
    ) throws -> (estimator: CurvatureEstimator, batch: SupervisedBatch, forward: () -> Categorical) {
        let (model, batch, logits) = try network.make()
        return (try CurvatureEstimator(of: model), batch, { Categorical(logits: logits(batch.inputs)) })
    }

    /// The comparison of Kronecker information is that of the matrices it stands for.
    @Test func kroneckerComparisonsAreThoseOfTheirProducts() throws {
        let (estimator, batch, forward) = try estimates(.perceptron)
        let exact = try #require(
            try estimator.estimate([.kronecker(.exact)], of: Objective(forward(), observing: batch.targets))
                .kronecker(.exact))
        let empirical = try #require(
            try estimator.estimate(
                [.kronecker(.empirical)], of: Objective(forward(), observing: batch.targets)
            ).kronecker(.empirical))
        func products(_ found: KroneckerInformation) -> [ParameterPath: Tensor] {
            found.layers.mapValues { kronecker($0.s, $0.a) }
        }
        let expected = try InformationComparison(products(empirical), to: products(exact))
        let found = try empirical.compared(to: exact)
        #expect(abs(found.cosine - expected.cosine) < 1e-12)
        #expect(abs(found.relativeDistance - expected.relativeDistance) < 1e-9)
        #expect(found.cosine < 0.999 && found.relativeDistance > 0.01)

        // Whole matrices and diagonals compare by elements; the mini-batch's square is another one again.
        let full = try #require(
            try estimator.estimate([.full(.exact)], of: Objective(forward(), observing: batch.targets)).full(
                .exact))
        let same = try full.compared(to: full)
        #expect(same.relativeDistance == 0 && abs(same.cosine - 1) < 1e-12)
        let (diagonal, labels, mean) = (
            try #require(
                try estimator.estimate(
                    [.diagonal(.exact)], of: Objective(forward(), observing: batch.targets)
                ).diagonal(.exact)),
            try #require(
                try estimator.estimate(
                    [.diagonal(.empirical)], of: Objective(forward(), observing: batch.targets)
                ).diagonal(.empirical)),
            try #require(
                try estimator.estimate(
                    [.diagonal(.minibatch)], of: Objective(forward(), observing: batch.targets)
                ).diagonal(.minibatch))
        )
        #expect(try labels.compared(to: diagonal).relativeDistance > 0.01)
        #expect(try mean.compared(to: labels).scale < 1)
    }

    /// The steps of the three structures are the solutions of their dense systems.
    @Test func proposedStepsSolveTheirSystems() throws {
        let (estimator, batch, forward) = try estimates(.perceptron)
        let damping = 1e-2
        let full = try #require(
            try estimator.estimate([.full(.empirical)], of: Objective(forward(), observing: batch.targets))
                .full(.empirical))
        let diagonal = try #require(
            try estimator.estimate(
                [.diagonal(.empirical)], of: Objective(forward(), observing: batch.targets)
            ).diagonal(.empirical))
        let factors = try #require(
            try estimator.estimate(
                [.kronecker(.empirical)], of: Objective(forward(), observing: batch.targets)
            ).kronecker(.empirical))
        let gradient = diagonal.gradients.mapValues { $0 / 6 }
        func solved(_ matrix: Tensor, _ vector: Tensor) -> Tensor {
            let size = matrix.shape[0]
            let identity = Tensor(
                (0..<size * size).map { $0 % (size + 1) == 0 ? damping : 0 }, shape: [size, size])
            return vector.unsqueezed(1).choleskySolved(factor: (matrix + identity).cholesky()).flattened()
        }
        func expectEqual(_ found: Tensor, _ expected: Tensor) throws {
            #expect(try (found - expected).norm().item() <= 1e-9 * expected.norm().item())
        }
        let whole = try full.step(for: gradient, damping: damping)
        let vector = Tensor.concatenated(full.paths.compactMap { gradient[$0]?.flattened() })
        try expectEqual(
            Tensor.concatenated(full.paths.compactMap { whole[$0]?.flattened() }), solved(full.mean, vector))

        let weights = (ParameterPath("second.weight"), ParameterPath("second.bias"))
        let (w, b) = (try #require(gradient[weights.0]), try #require(gradient[weights.1]))
        let layer = try #require(factors.layers[ParameterPath("second")])
        let joint = Tensor.concatenated([w, b.unsqueezed(1)], along: 1)
        let expected = solved(kronecker(layer.s, layer.a), joint.flattened()).reshaped(joint.shape)
        let found = try factors.step(for: gradient, damping: damping)
        try expectEqual(try #require(found[weights.0]), expected.narrowed(1, from: 0, length: 5))
        try expectEqual(try #require(found[weights.1]), expected.narrowed(1, from: 5, length: 1).flattened())
        #expect(found[ParameterPath("norm.weight")] == nil)

        let simple = try diagonal.step(for: gradient, damping: damping)
        let f = try #require(diagonal.mean[weights.0])
        try expectEqual(try #require(simple[weights.0]), w / (f + damping))
        // What the estimates propose differs less in direction than in length.
        let comparison = try InformationComparison(simple, to: whole)
        #expect(comparison.cosine > 0 && comparison.cosine < 1)
        #expect(throws: CurvatureError.self) { try full.step(for: [:], damping: damping) }
        #expect(throws: CurvatureError.self) { try factors.step(for: [:], damping: damping) }
        #expect(throws: CurvatureError.self) {
            try diagonal.step(for: [ParameterPath("none"): w], damping: damping)
        }
    }

    /// A constant has no sensitivity; a drift has more of it the shorter the memory.
    @Test func averagesDependOnTheirDecay() throws {
        let path = ParameterPath("p")
        var constant = DecaySensitivity(decays: [0, 0.5, 0.99])
        for _ in 0..<5 { try constant.add([path: Tensor([7.0, 1])]) }
        for (_, comparison) in try constant.comparisons() { #expect(comparison.relativeDistance < 1e-12) }
        var drift = DecaySensitivity(decays: [0, 0.5, 0.9, 0.999])
        for step in 1...50 { try drift.add([path: Tensor([Double(step)])]) }
        let distances = try drift.comparisons().map(\.comparison.relativeDistance)
        #expect(abs(distances[0] - (50 - 25.5) / 25.5) < 1e-12)
        #expect(zip(distances, distances.dropFirst()).allSatisfy { $0 > $1 } && distances[3] < 0.05)
        // Against the sum written out: weights b^(t-k) over their sum.
        let weights = (1...50).map { pow(0.5, Double(50 - $0)) }
        let average = zip(1...50, weights).reduce(0) { $0 + Double($1.0) * $1.1 } / weights.reduce(0, +)
        let found = try #require(drift.averages[1][path]).item()
        #expect(abs(found - average) < 1e-12)
        #expect(throws: CurvatureError.self) { try drift.add([:]) }
    }

    /// On half |x - c|^2 scaled by known curvatures the Hessian is known.
    @Test func flatnessIsThatOfAKnownHessian() throws {
        let layer = Linear(3, 1, bias: false, dtype: .float64, using: try RandomGenerator(seed: 1))
        // A sample a curvature: the mean Hessian is diag(9, 4, 1) / 3.
        let x = Tensor([3.0, 0, 0, 0, 2, 0, 0, 0, 1], shape: [3, 3])
        let found = try Flatness(of: layer, probes: 4, using: try RandomGenerator(seed: 2)) {
            try Objective(Gaussian(mean: layer(x)), observing: Tensor.zeros([3, 1], dtype: .float64))
        }
        #expect(abs(found.topEigenvalue - 3) < 1e-10 && found.residual < 1e-8)
        // Rademacher probes of a diagonal matrix are exact.
        let error = try #require(found.trace.standardError)
        #expect(abs(found.trace.value - 14.0 / 3) < 1e-12 && error < 1e-12)
    }

    /// A look has the closed form's trace and diagonal, and the whole matrix's spectrum; its line gives it back.
    @Test func momentsAreThoseOfTheWholeMatrix() throws {
        let (model, batch, logits) = try InformationTests.Network.perceptron.make()
        let objective = { try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets) }
        let whole = try #require(
            try CurvatureEstimator(of: model).estimate([.full(.exact)], of: objective()).full(.exact)
        ).mean
        let (moment, diagonal) = try InformationMonitor(of: model).moment(
            at: 30, of: objective(), units: batch.unitCount)
        let spectrum = try Spectrum(of: whole)
        #expect(moment.step == 30 && abs(moment.trace - spectrum.trace) < 1e-12 * spectrum.trace)
        #expect(abs(moment.topEigenvalue - spectrum.values[0]) < 1e-10 * spectrum.values[0])
        #expect(abs(moment.effectiveRank - spectrum.effectiveRank) < 1e-9)
        #expect(Set(moment.traces.keys) == ["first", "norm", "second"])
        #expect(abs(moment.traces.values.reduce(0, +) - moment.trace) < 1e-12)
        let elements = try diagonal.values.flatMap { try $0.scalars(as: Double.self) }
        let zeros = elements.filter { $0 == 0 }.count
        #expect(abs(moment.unreached - Double(zeros) / Double(elements.count)) < 1e-12)
        #expect(abs(moment.histogram.values.reduce(moment.unreached, +) - 1) < 1e-12)
        for (bin, share) in moment.histogram {
            let held = elements.filter { $0 > 0 && Int((log10($0) * 2).rounded(.down)) == bin }.count
            #expect(abs(share - Double(held) / Double(elements.count)) < 1e-12)
        }
        #expect(InformationMoment(metrics: moment.metrics) == moment)
        #expect(InformationMoment(metrics: ["step": 3, "loss": 1]) == nil)
    }

    @Test func theLeastInformedAreFound() throws {
        let (p, q) = (ParameterPath("p"), ParameterPath("q"))
        var values = (1...200).map(Double.init)
        for k in 0..<20 { values[k] = 0 }
        let found = try LeastInformed(
            in: [(p, Tensor(values, shape: [20, 10])), (q, Tensor([0.5, 1e9]))], share: 0.1, cells: 4)
        // 182 have information; the least 18 are 0.5 and 21...37.
        #expect(found.threshold == 37)
        #expect(found.rows.map(\.least) == [17, 1] && found.rows.map(\.unreached) == [20, 0])
        #expect(zip(found.rows[0].cells, [17.0 / 50, 0, 0, 0]).allSatisfy { abs($0 - $1) < 1e-15 })
        #expect(zip(found.rows[0].unreachedCells, [0.4, 0, 0, 0]).allSatisfy { abs($0 - $1) < 1e-15 })
        #expect(found.rows[1].cells == [1, 0])
        let nothing = try LeastInformed(in: [(p, Tensor.zeros([3, 2]))])
        #expect(nothing.threshold == 0 && nothing.rows[0].least == 0 && nothing.rows[0].unreached == 6)
    }
}
