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

    /// A layer.
    public struct Layer: Codable, Sendable, Hashable {
        /// Its path; empty for the model itself.
        public var path: String
        /// Its type.
        public var kind: String
        /// The number of its trainable elements.
        public var parameters: Int
        /// Whether it has Kronecker factors; if not, rank and condition number are those of its diagonal.
        public var hasKroneckerFactors: Bool
        /// The trace of the true information of an observation.
        public var trace: Double
        /// The same trace from the data's labels.
        public var empiricalTrace: Double
        /// The exponential of the entropy of the eigenvalues' shares.
        public var effectiveRank: Double
        /// The largest eigenvalue over the smallest.
        public var conditionNumber: Double
        /// The share of the squared energy of A (x) S on its diagonal.
        public var diagonalShare: Double?
        /// The same with the means subtracted.
        public var centredDiagonalShare: Double?
        /// The empirical diagonal against the true one.
        public var empiricalToTrue: InformationComparison
        /// A (x) S from the data's labels against that of the model's own.
        public var kroneckerEmpiricalToTrue: InformationComparison?
        /// The factor A, of the layer's inputs.
        public var inputs: Factor?
        /// The factor S, of the gradients of its outputs.
        public var outputs: Factor?
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

    /// The version of the layout.
    public var formatVersion = Self.currentFormatVersion
    /// The subject of the inspection.
    public var subject: InspectionSubject
    /// The source used for the true information.
    public var source: String
    /// The number of observations.
    public var observations: Int
    /// The layers in the order of the model.
    public var layers: [Layer]
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
        layers = inspection.layers.map { layer in
            Layer(
                path: "\(layer.path)", kind: layer.kind, parameters: layer.parameterCount,
                hasKroneckerFactors: layer.factors != nil, trace: layer.trace,
                empiricalTrace: layer.empiricalTrace, effectiveRank: layer.effectiveRank,
                conditionNumber: layer.conditionNumber, diagonalShare: layer.factors?.diagonalShare,
                centredDiagonalShare: layer.factors?.centredShare, empiricalToTrue: layer.comparison,
                kroneckerEmpiricalToTrue: layer.factors?.comparison,
                inputs: layer.factors.map { Factor($0.inputs) },
                outputs: layer.factors.map { Factor($0.outputs) })
        }
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
    public static let currentFormatVersion = 1

    /// One row per layer; layers without Kronecker factors are marked.
    public var overview: StudyTable {
        func number(
            _ title: [String], _ value: @escaping (Layer) -> Double, marksDiagonal: Bool = false
        ) -> StudyColumn<Layer> {
            StudyColumn(title) { layer in
                .init(
                    NumberText.significant(value(layer))
                        + (marksDiagonal && !layer.hasKroneckerFactors ? " *" : ""))
            }
        }
        return StudyTable(
            layers,
            [
                StudyColumn(["layer"], key: "layer", .left, field: \.path) { .init($0.name) },
                StudyColumn(["type"], key: "type", .left, detail: \.kind) { .init($0.kind) },
                StudyColumn(["parameters"], key: "parameters", field: { "\($0.parameters)" }) {
                    .init(NumberText.plain.grouped($0.parameters))
                },
                .field("trace", number: \.trace), .field("empirical_trace", number: \.empiricalTrace),
                .field("effective_rank", number: \.effectiveRank),
                .field("condition_number", number: \.conditionNumber),
                .field("diagonal_share", number: \.diagonalShare),
                .field("centered_diagonal_share", number: \.centredDiagonalShare),
                .field("empirical_distance", number: \.empiricalToTrue.relativeDistance),
                .field("empirical_cosine", number: \.empiricalToTrue.cosine),
                number(["trace"], \.trace),
                number(["effective", "rank"], \.effectiveRank, marksDiagonal: true),
                number(["condition", "number"], \.conditionNumber, marksDiagonal: true),
                StudyColumn(["diagonal", "share"]) {
                    .init($0.diagonalShare.map(NumberText.share) ?? "no factors")
                },
                StudyColumn(["mean", "removed"]) {
                    .init($0.centredDiagonalShare.map(NumberText.share) ?? "-")
                },
                number(["empirical", "distance"], \.empiricalToTrue.relativeDistance),
                StudyColumn(["cosine"]) {
                    .init(NumberText.plain.fixed($0.empiricalToTrue.cosine, decimals: 3))
                },
            ])
    }

    /// Throws for counts and texts that no inspection has.
    public func validate() throws(DocumentFault) {
        try DocumentLimits.requireText(subject.title, limit: DocumentLimits.name, "subject.title")
        try DocumentLimits.requireText(subject.description, "subject.description")
        try DocumentLimits.each(subject.settings, "subject.settings") {
            (setting, place) throws(DocumentFault) in
            try setting.validate(place)
        }
        try DocumentLimits.requireText(source, limit: DocumentLimits.name, "source")
        try DocumentLimits.requireCount(observations, "observations")
        try DocumentLimits.each(layers, "layers", limit: 100 * DocumentLimits.items) {
            (layer, place) throws(DocumentFault) in
            try DocumentLimits.requireText(layer.path, limit: DocumentLimits.name, "\(place).path")
            try DocumentLimits.requireText(layer.kind, limit: DocumentLimits.name, "\(place).kind")
            try DocumentLimits.requireCount(layer.parameters, "\(place).parameters")
        }
        try DocumentLimits.each(leastInformed, "leastInformed", limit: 100 * DocumentLimits.items) {
            (row, place) throws(DocumentFault) in
            try DocumentLimits.requireText(row.path, limit: DocumentLimits.name, "\(place).path")
            for (name, count) in [("count", row.count), ("least", row.least), ("unreached", row.unreached)] {
                try DocumentLimits.requireCount(count, "\(place).\(name)")
            }
        }
    }

    /// The meaning of the star; empty if all layers have factors.
    public var legend: String {
        let names = layers.filter { !$0.hasKroneckerFactors }.map(\.name)
        return names.isEmpty
            ? "" : "* without Kronecker factors, of the diagonal alone: " + names.joined(separator: ", ")
    }
}

extension ParameterPath {
    /// The path, or a name for the model itself.
    package var readableName: String { self == .root ? "(the model)" : "\(self)" }
}

extension InspectionDocument.Layer {
    package var name: String { path.isEmpty ? ParameterPath.root.readableName : path }
}
