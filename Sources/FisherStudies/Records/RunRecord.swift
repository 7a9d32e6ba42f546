import FisherInformation

/// One training run: one optimizer, one seed.
public struct RunRecord: Codable, Sendable, Hashable {
    /// The seed of initialization and data order; equal seeds of two optimizers form a pair.
    public var seed: UInt64
    /// How the run ended.
    public var status: RunStatus
    /// The losses along the way, by increasing step.
    public var curve: [CurvePoint]
    /// The validation loss after the last step, in nats for each unit of the task; nil if it was not reached.
    public var finalValidationLoss: Double?
    /// The median time of a step's forward and backward pass, in milliseconds.
    public var forwardBackwardMilliseconds: Double
    /// The median time of a step's optimizer update, in milliseconds.
    public var optimizerMilliseconds: Double
    /// The bytes of the optimizer's state.
    public var stateBytes: Int
    /// What else the machine did meanwhile; nil where the system does not tell, for less than half a second, and in files of
    /// former versions.
    public var load: MachineLoad?
    /// The most runs of the same study that were made at one time while times were taken, this one among them; nil for a run
    /// alone, and in files of former versions.
    public var sideBySide: Int?
    /// The final loss on consecutive parts of the validation data, about equal in size; nil where the task does not divide
    /// them, and in files of former versions.
    public var validationParts: [Double]?

    /// What the run is judged by besides its loss, taken at its end; nil if the task has no such figures.
    public var measures: [TaskMeasure]?

    /// What the task shows of the run, made at its end; nil if it shows nothing.
    public var exhibits: [TaskExhibit]?

    /// Looks at the true information along the way, by increasing step; nil if there were none.
    public var information: [InformationMoment]?

    /// Records a run.
    public init(
        seed: UInt64, status: RunStatus, curve: [CurvePoint], finalValidationLoss: Double?,
        forwardBackwardMilliseconds: Double, optimizerMilliseconds: Double, stateBytes: Int
    ) {
        self.seed = seed
        self.status = status
        self.curve = curve
        self.finalValidationLoss = finalValidationLoss
        self.forwardBackwardMilliseconds = forwardBackwardMilliseconds
        self.optimizerMilliseconds = optimizerMilliseconds
        self.stateBytes = stateBytes
    }

    /// The lowest usable validation loss that the run ever reached.
    public var bestValidationLoss: Double? {
        (curve.map(\.validationLoss) + [finalValidationLoss]).compactMap { $0 }.filter(Self.isUsable).min()
    }

    /// The final validation loss if the run completed and the loss is usable: what statistics are made of.
    public var completedLoss: Double? {
        guard status == .completed, let loss = finalValidationLoss, Self.isUsable(loss) else { return nil }
        return loss
    }

    /// Whether a loss is a number that sums and squares without overflow.
    package static func isUsable(_ loss: Double) -> Bool { abs(loss) < 1e100 }

    /// Seconds spent training, as far as the curve goes.
    public var seconds: Double { curve.last?.seconds ?? 0 }
}

/// A run's losses after some step.
public struct CurvePoint: Codable, Sendable, Hashable {
    /// The number of steps made.
    public var step: Int
    /// The number of tokens trained on so far.
    public var tokens: Int
    /// Seconds spent training so far, evaluation excluded.
    public var seconds: Double
    /// The training loss, averaged over the steps since the point before; nil before the first step.
    public var trainingLoss: Double?
    /// The validation loss, if it was measured at this step.
    public var validationLoss: Double?
    /// The measures of the step before, if they were taken.
    public var measure: StepMeasure?
    /// What the task measures of the model at every evaluation besides the loss, such as the accuracy, by its name with its unit;
    /// nil where it measures nothing, and in files of former versions.
    public var measures: [String: Double]?

    /// Records the losses after a step.
    public init(
        step: Int, tokens: Int, seconds: Double, trainingLoss: Double?, validationLoss: Double? = nil,
        measure: StepMeasure? = nil, measures: [String: Double]? = nil
    ) {
        self.step = step
        self.tokens = tokens
        self.seconds = seconds
        self.trainingLoss = trainingLoss
        self.validationLoss = validationLoss
        self.measure = measure
        self.measures = measures
    }
}

/// The effect of one step on the whole model, in a few numbers.
public struct StepMeasure: Codable, Sendable, Hashable {
    /// |update| / |weights|, both Euclidean over the whole model.
    public var updateToWeight: Double
    /// The norm of the gradient before any clipping.
    public var gradientNorm: Double
    /// The learning rate of the step; nil in files of former versions.
    public var learningRate: Double?
    /// The mean over the tensors of max(1, RMS / c), the divisor of the rule's own clip; nil if the rule does
    /// not clip.
    public var clipFactor: Double?
    /// The mean over the tensors of the share of the natural decay's square that fell on the 1 % of the
    /// elements with the least information; nil if there is no natural decay.
    public var decayShare: Double?

    /// Gathers the numbers of a step.
    public init(
        updateToWeight: Double, gradientNorm: Double, learningRate: Double? = nil, clipFactor: Double?,
        decayShare: Double?
    ) {
        self.updateToWeight = updateToWeight
        self.gradientNorm = gradientNorm
        self.learningRate = learningRate
        self.clipFactor = clipFactor
        self.decayShare = decayShare
    }
}

/// How a run ended.
public enum RunStatus: Sendable, Hashable {
    /// Every step was made.
    case completed
    /// The loss or the parameters ceased to be usable at a step.
    case diverged(step: Int, reason: String)
    /// The user or the system stopped it after a step.
    case interrupted(step: Int)
}

extension RunStatus: Codable {
    private enum CodingKeys: String, CodingKey {
        case state, step, reason
    }

    private enum State: String, Codable {
        case completed, diverged, interrupted
    }

    /// Reads `{"state": ...}` with the step and the reason if the state has them.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(State.self, forKey: .state) {
        case .completed:
            self = .completed
        case .diverged:
            self = .diverged(
                step: try container.decode(Int.self, forKey: .step),
                reason: try container.decode(String.self, forKey: .reason)
            )
        case .interrupted:
            self = .interrupted(step: try container.decode(Int.self, forKey: .step))
        }
    }

    /// Writes `{"state": ...}` with the step and the reason if the state has them.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .completed:
            try container.encode(State.completed, forKey: .state)
        case .diverged(let step, let reason):
            try container.encode(State.diverged, forKey: .state)
            try container.encode(step, forKey: .step)
            try container.encode(reason, forKey: .reason)
        case .interrupted(let step):
            try container.encode(State.interrupted, forKey: .state)
            try container.encode(step, forKey: .step)
        }
    }
}

extension RunStatus: CustomStringConvertible {
    /// The end of the run in a few words.
    public var description: String {
        switch self {
        case .completed: "completed"
        case .diverged(let step, let reason): "diverged at step \(step): \(reason)"
        case .interrupted(let step): "interrupted after step \(step)"
        }
    }
}

extension RunRecord {
    /// The seeds at the upper end that comparisons leave to tuning, and as many below them to pilots.
    public static let reservedSeedCount = 1_000_000

    /// A run's seed for readers: `seed 3`, and those of trials and pilots, which count downwards from the largest, from 0.
    package static func name(ofSeed seed: UInt64) -> String {
        let (most, place) = (UInt64(reservedSeedCount), UInt64.max - seed)
        return place < most
            ? "tuning seed \(place)" : place < 2 * most ? "pilot seed \(place - most)" : "seed \(seed)"
    }

    /// Whether the run came to its end, well or not.
    package var isFinal: Bool { if case .interrupted = status { false } else { true } }

    /// The result of the run, in a few words.
    package var outcome: String {
        guard let loss = completedLoss else { return "\(status)" }
        return "validation loss \(NumberText.plain.fixed(loss, decimals: 4))"
    }
}
