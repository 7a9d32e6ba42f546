/// Accumulates an estimate from backward passes, one after another: each is released before the next.
protocol CurvatureAccumulator {
    /// Adds one backward pass.
    mutating func add(_ pass: BackwardPass) throws

    /// The estimate from all passes.
    func finished() throws -> any Summable
}

extension CurvatureEstimator {
    /// The accumulator of a request that is computed from captured passes.
    func accumulator(for request: CurvatureRequest, _ run: PassRun) -> any CurvatureAccumulator {
        switch request {
        case .diagonal: DiagonalAccumulator(self, run)
        case .full: MatrixAccumulator(self, run, blocks: [parameters], isWhole: true)
        case .system: InformationSystemAccumulator(self, run)
        case .blocks: MatrixAccumulator(self, run, blocks: parameterBlocks, isWhole: false)
        case .kronecker(_, let sharing): KroneckerAccumulator(self, run, sharing, isDiagonal: false)
        case .kroneckerDiagonal(_, let sharing): KroneckerAccumulator(self, run, sharing, isDiagonal: true)
        case .eigenvalueCorrected(_, let sharing): EigenvalueAccumulator(self, run, sharing)
        case .layerMeans: LayerMeansAccumulator(self, run)
        case .unitGradients(_, let units): UnitGradientsAccumulator(self, run, units: units)
        case .gradientRows: GradientRowsAccumulator(self)
        case .activations: KeptPasses(run) { CapturedActivations($0, by: self) }
        case .perSampleGradients: KeptPasses(run) { try PerSampleGradients($0, by: self) }
        case .products:
            KeptPasses(run) {
                CurvatureProducts(try self.product($0), observationCount: $0.observationCount)
            }
        case .lowRank(let rank, let source):
            KeptPasses(run) {
                try self.lowRank(
                    try self.product($0), source, rank: rank, observationCount: $0.observationCount)
            }
        case .gradient, .hessian: preconditionFailure("\(request.structure) is not made of captured passes")
        }
    }
}

/// Keeps the passes for an estimate that reads them more than once; those that can be recomputed are not
/// kept.
struct KeptPasses: CurvatureAccumulator {
    private var run: PassRun
    private let estimate: (PassRun) throws -> any Summable

    init(_ run: PassRun, _ estimate: @escaping (PassRun) throws -> any Summable) {
        self.run = run
        self.estimate = estimate
    }

    mutating func add(_ pass: BackwardPass) { run.keep(pass) }

    func finished() throws -> any Summable { try estimate(run) }
}
