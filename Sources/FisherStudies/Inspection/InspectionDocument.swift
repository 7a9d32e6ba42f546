import FisherInformation
import NeuralNet

/// An inspection as JSON; numbers that JSON lacks are the words Infinity and NaN.
public struct InspectionDocument: Codable, Sendable, Hashable {
    /// A Kronecker factor.
    public struct Factor: Codable, Sendable, Hashable {
        /// The eigenvalues, descending.
        public var eigenvalues: [Double]
        /// The diagonal, descending.
        public var diagonal: [Double]
        /// The exponential of the entropy of the eigenvalues' shares.
        public var effectiveRank: Double
        /// The largest eigenvalue over the smallest.
        public var conditionNumber: Double
        /// The part of the squared energy that a diagonal keeps.
        public var diagonalShare: DiagonalShare
        /// The share of rows whose Gershgorin disc does not reach zero.
        public var dominantShare: Double
        /// How far the eigenvalues move where the off-diagonals are removed, relative to their norm.
        public var shiftWithoutOffDiagonals: Double

        init(_ factor: FactorInspection) {
            eigenvalues = factor.spectrum.values
            diagonal = factor.diagonalSpectrum.values
            effectiveRank = factor.spectrum.effectiveRank
            conditionNumber = factor.conditionNumber
            diagonalShare = factor.share
            dominantShare = factor.discs.dominantShare
            shiftWithoutOffDiagonals = factor.spectrum.relativeShift(to: factor.diagonalSpectrum)
        }
    }

    /// What the Gram matrix of the units' gradients says of a block of the true information.
    public struct Block: Codable, Sendable, Hashable {
        /// The number of parameters.
        public var parameters: Int
        /// The trace.
        public var trace: Double
        /// The Frobenius norm.
        public var norm: Double
        /// The share of the squared norm that is the noise of a finite sample; nil for a single unit.
        public var noiseShare: Double?
        /// The largest eigenvalues, descending, at most ``InspectionDocument/mostEigenvalues``.
        public var eigenvalues: [Double]
        /// The number of eigenvalues above rounding.
        public var rank: Int
        /// The exponential of the entropy of the eigenvalues' shares.
        public var effectiveRank: Double
        /// The largest eigenvalue over the smallest of all; Infinity where the rank is less than the parameters.
        public var conditionNumber: Double
        /// The largest eigenvalue over the smallest above rounding.
        public var rangeConditionNumber: Double
        /// Eigenvalues at or below this times the largest are rounding; nil in files of former versions.
        public var cutoff: Double?
        /// Half of the units: their largest eigenvalues, and what the eigenvectors have on the other half.
        public var half: Half?
        /// Ledoit and Wolf's estimate.
        public var shrinkage: Shrunk
        /// tr[F (F + damping)^-1] at each of ``InspectionDocument/dampings``.
        public var effectiveParameters: [Double]

        init(_ block: TrueBlock, dampings: [Double]) {
            parameters = block.parameterCount
            trace = block.trace
            norm = block.norm
            noiseShare = block.noiseShare
            eigenvalues = Array(block.spectrum.values.prefix(InspectionDocument.mostEigenvalues))
            rank = block.rank
            effectiveRank = block.effectiveRank
            conditionNumber = block.conditionNumber
            rangeConditionNumber = block.rangeConditionNumber
            cutoff = block.cutoff
            half = block.halves.map {
                Half(
                    eigenvalues: $0.eigenvalues, heldOut: $0.heldOut, effectiveRank: $0.effectiveRank,
                    extrapolatedEigenvalue: $0.extrapolated(block.spectrum.values.first ?? 0))
            }
            shrinkage = Shrunk(
                weight: block.shrinkage.weight, target: block.shrinkage.target,
                topEigenvalue: block.shrinkage.topEigenvalue,
                conditionNumber: block.shrinkage.conditionNumber,
                effectiveRank: block.shrinkage.effectiveRank)
            effectiveParameters = dampings.map(block.effectiveParameters)
        }
    }

    /// The spectrum on half of the units, the mean of both halves.
    public struct Half: Codable, Sendable, Hashable {
        /// The largest eigenvalues, descending.
        public var eigenvalues: [Double]
        /// v^T F' v of their eigenvectors on the other half F'.
        public var heldOut: [Double]
        /// The effective rank.
        public var effectiveRank: Double
        /// The largest eigenvalue of all units without its bias of the order 1 / n.
        public var extrapolatedEigenvalue: Double
    }

    /// Ledoit and Wolf's estimate (1 - weight) F + weight * target * identity.
    public struct Shrunk: Codable, Sendable, Hashable {
        /// The weight of the target.
        public var weight: Double
        /// The mean eigenvalue.
        public var target: Double
        /// The largest eigenvalue.
        public var topEigenvalue: Double
        /// The largest eigenvalue over the smallest.
        public var conditionNumber: Double
        /// The exponential of the entropy of the eigenvalues' shares.
        public var effectiveRank: Double
    }

    /// K-FAC's surrogate A (x) S for a layer's block, from all batches. These numbers are the surrogate's own.
    public struct Surrogate: Codable, Sendable, Hashable {
        /// The exponential of the entropy of the eigenvalues' shares.
        public var effectiveRank: Double
        /// The largest eigenvalue over the smallest.
        public var conditionNumber: Double
        /// The same without the null space: the largest eigenvalue over the smallest above rounding; nil in files of former
        /// versions.
        public var rangeConditionNumber: Double?
        /// The number of eigenvalues above rounding; nil in files of former versions.
        public var rank: Int?
        /// The share of its squared energy on the diagonal.
        public var diagonalShare: Double
        /// The same with the means of A and S subtracted.
        public var centredDiagonalShare: Double?
        /// A (x) S from the data's labels against that of the model's own.
        public var empiricalToTrue: InformationComparison
        /// The factor A, of the layer's inputs.
        public var inputs: Factor
        /// The factor S, of the gradients of its outputs.
        public var outputs: Factor

        init(_ factors: LayerInspection.Factors) {
            effectiveRank = factors.effectiveRank
            conditionNumber = factors.conditionNumber
            rangeConditionNumber = factors.rangeConditionNumber
            rank = factors.rank
            diagonalShare = factors.diagonalShare
            centredDiagonalShare = factors.centredShare
            empiricalToTrue = factors.comparison
            inputs = Factor(factors.inputs)
            outputs = Factor(factors.outputs)
        }
    }

    /// A layer.
    public struct Layer: Codable, Sendable, Hashable {
        /// Its path; empty for the model itself.
        public var path: String
        /// Its type.
        public var kind: String
        /// The number of its trainable elements.
        public var parameters: Int
        /// The trace of the true information of an observation, from all batches.
        public var trace: Double
        /// The same trace from the data's labels.
        public var empiricalTrace: Double
        /// The true block.
        public var block: Block
        /// The share of the true block's squared norm on its diagonal.
        public var diagonalShare: Double
        /// How far diagonal, K-FAC and EKFAC are from the true block.
        public var errors: [StructureError]
        /// The empirical diagonal against the true one.
        public var diagonalEmpiricalToTrue: DrawnComparison
        /// The empirical block against the true one.
        public var blockEmpiricalToTrue: DrawnComparison
        /// K-FAC's surrogate; nil for a layer without Kronecker factors.
        public var surrogate: Surrogate?
    }

    /// A parameter tensor's part of the least-informed elements.
    public struct LeastInformedParameter: Codable, Sendable, Hashable {
        /// Its path.
        public var path: String
        /// The number of its elements.
        public var count: Int
        /// How many are among the least informed.
        public var least: Int
        /// How many have no information at all.
        public var unreached: Int
    }

    /// The most eigenvalues of a block that are written down.
    public static let mostEigenvalues = 256

    /// The version of the layout.
    public var formatVersion = Self.currentFormatVersion
    /// The subject of the inspection.
    public var subject: InspectionSubject
    /// The source used for the true information.
    public var source: String
    /// The number of observations of all batches.
    public var observations: Int
    /// The number of units of which the blocks are.
    public var units: Int
    /// The number of rows of their Gram matrices: units times passes.
    public var rows: Int
    /// The layers in the order of the model.
    public var layers: [Layer]
    /// The whole information, the blocks between layers included.
    public var whole: Block
    /// The share of its squared norm in the blocks between layers.
    public var betweenLayersShare: Double
    /// The same without the noise of a finite sample; nil where noise is all there is.
    public var unbiasedBetweenLayersShare: Double?
    /// The whole empirical information against the true one.
    public var empiricalToTrue: DrawnComparison
    /// Dampings in decades.
    public var dampings: [Double]
    /// Takeuchi's penalty tr[(F + damping)^-1 J] at each of them.
    public var takeuchiPenalties: [Double]
    /// The share of tr J in the directions in which F is not rounding, which the penalty covers.
    public var takeuchiShare: Double
    /// The share that counts as least informed, of the elements that have information.
    public var leastInformedShare: Double
    /// The information at or below which an element counts.
    public var leastInformedThreshold: Double
    /// Where they are.
    public var leastInformed: [LeastInformedParameter]

    /// Writes an inspection down.
    public init(_ inspection: ModelInspection, of subject: InspectionSubject) {
        self.subject = subject
        source = "\(inspection.source)"
        observations = inspection.observationCount
        units = inspection.unitCount
        rows = inspection.rowCount
        let dampings = inspection.dampings
        self.dampings = dampings
        layers = inspection.layers.map { layer in
            Layer(
                path: "\(layer.path)", kind: layer.kind, parameters: layer.parameterCount,
                trace: layer.trace, empiricalTrace: layer.empiricalTrace,
                block: Block(layer.block, dampings: dampings), diagonalShare: layer.diagonalShare,
                errors: layer.errors, diagonalEmpiricalToTrue: layer.diagonalComparison,
                blockEmpiricalToTrue: layer.blockComparison, surrogate: layer.factors.map(Surrogate.init))
        }
        whole = Block(inspection.whole, dampings: dampings)
        betweenLayersShare = inspection.betweenLayersShare
        unbiasedBetweenLayersShare = inspection.unbiasedBetweenLayersShare
        empiricalToTrue = inspection.comparison
        takeuchiPenalties = dampings.map { inspection.takeuchi(damping: $0) }
        takeuchiShare = inspection.takeuchi.identifiableShare
        leastInformedShare = inspection.leastInformed.share
        leastInformedThreshold = inspection.leastInformed.threshold
        leastInformed = inspection.leastInformed.rows.map {
            LeastInformedParameter(
                path: "\($0.path)", count: $0.count, least: $0.least, unreached: $0.unreached)
        }
    }
}

/// The subject of an inspection, for readers.
public struct InspectionSubject: Hashable, Sendable, Codable {
    /// The name of the file or folder.
    public var title: String
    /// The model and the data.
    public var description: String
    /// Settings of the inspection: batches, seed, draws.
    public var settings: [Setting]

    /// Describes a subject.
    public init(title: String, description: String, settings: [Setting] = []) {
        self.title = title
        self.description = description
        self.settings = settings
    }
}

extension InspectionDocument: StudyDocument {
    /// The name of the document in messages.
    public static let kind = "an inspection"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 2

    /// Throws for counts and texts that no inspection has.
    public func validate() throws(DocumentFault) {
        try DocumentLimits.requireText(subject.title, limit: DocumentLimits.name, "subject.title")
        try DocumentLimits.requireText(subject.description, "subject.description")
        try DocumentLimits.each(subject.settings, "subject.settings") {
            (setting, place) throws(DocumentFault) in
            try setting.validate(place)
        }
        try DocumentLimits.requireText(source, limit: DocumentLimits.name, "source")
        for (name, count) in [("observations", observations), ("units", units), ("rows", rows)] {
            try DocumentLimits.requireCount(count, name)
        }
        try validate(whole, "whole")
        guard takeuchiPenalties.count == dampings.count else {
            throw DocumentFault("takeuchiPenalties", "has not one value for each damping")
        }
        try DocumentLimits.each(layers, "layers", limit: 100 * DocumentLimits.items) {
            (layer, place) throws(DocumentFault) in
            try DocumentLimits.requireText(layer.path, limit: DocumentLimits.name, "\(place).path")
            try DocumentLimits.requireText(layer.kind, limit: DocumentLimits.name, "\(place).kind")
            try DocumentLimits.requireCount(layer.parameters, "\(place).parameters")
            try validate(layer.block, "\(place).block")
            try DocumentLimits.each(layer.errors, "\(place).errors") { (error, place) throws(DocumentFault) in
                try DocumentLimits.requireText(
                    error.structure, limit: DocumentLimits.name, "\(place).structure")
            }
        }
        try DocumentLimits.each(leastInformed, "leastInformed", limit: 100 * DocumentLimits.items) {
            (row, place) throws(DocumentFault) in
            try DocumentLimits.requireText(row.path, limit: DocumentLimits.name, "\(place).path")
            for (name, count) in [("count", row.count), ("least", row.least), ("unreached", row.unreached)] {
                try DocumentLimits.requireCount(count, "\(place).\(name)")
            }
        }
    }

    private func validate(_ block: Block, _ place: String) throws(DocumentFault) {
        try DocumentLimits.requireCount(block.parameters, "\(place).parameters")
        try DocumentLimits.requireCount(block.rank, "\(place).rank")
        guard block.effectiveParameters.count == dampings.count else {
            throw DocumentFault("\(place).effectiveParameters", "has not one value for each damping")
        }
        guard block.half.map({ $0.eigenvalues.count == $0.heldOut.count }) ?? true else {
            throw DocumentFault("\(place).half", "has not one held-out value for each eigenvalue")
        }
    }
}

extension ParameterPath {
    /// The path, or a name for the model itself.
    package var readableName: String { self == .root ? "(the model)" : "\(self)" }
}

extension InspectionDocument.Layer {
    package var name: String { path.isEmpty ? ParameterPath.root.readableName : path }
}
