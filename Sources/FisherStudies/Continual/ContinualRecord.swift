/// One run through a sequence of tasks: one method, one seed.
public struct ContinualRecord: Codable, Sendable, Hashable {
    /// The seed of the first weights, the batches and the tasks; equal seeds of two methods form a pair.
    public var seed: UInt64
    /// How the run ended; steps are counted over all tasks.
    public var status: RunStatus
    /// The accuracy on each task (inner) after training on each task (outer); short if the run diverged.
    public var accuracies: [[Double]]
    /// Seconds of training and of estimating information, evaluation excluded.
    public var seconds: Double

    /// Records a run.
    public init(seed: UInt64, status: RunStatus, accuracies: [[Double]], seconds: Double) {
        self.seed = seed
        self.status = status
        self.accuracies = accuracies
        self.seconds = seconds
    }

    /// The accuracy at the end, averaged over all tasks; nil if the run did not complete.
    public var averageAccuracy: Double? {
        guard status == .completed, let last = accuracies.last, !last.isEmpty else { return nil }
        return last.reduce(0, +) / Double(last.count)
    }

    /// How far the accuracy on each task fell from its best after any earlier stage at which it had been
    /// trained on, averaged over all tasks but the last (Chaudhry et al. 2018); nil for a single task.
    public var forgetting: Double? {
        guard status == .completed, let last = accuracies.last, accuracies.count > 1 else { return nil }
        let falls = (0..<accuracies.count - 1).map { task in
            let best = accuracies[task..<accuracies.count - 1].map { $0[task] }.max() ?? last[task]
            return best - last[task]
        }
        return falls.reduce(0, +) / Double(falls.count)
    }

    /// The accuracy on each task just after it was trained on, averaged: what protection costs in learning.
    public var learningAccuracy: Double? {
        guard status == .completed, !accuracies.isEmpty else { return nil }
        return accuracies.enumerated().reduce(0) { $0 + $1.element[$1.offset] } / Double(accuracies.count)
    }

    /// The accuracy after each stage, averaged over the tasks that had been trained on.
    public var averagesByStage: [Double] {
        accuracies.enumerated().map { stage, row in
            row.prefix(stage + 1).reduce(0, +) / Double(stage + 1)
        }
    }
}

extension ContinualRecord {
    /// The most tasks of a sequence, whose accuracies are as many as its square.
    private static let mostTasks = 1000

    func validate(_ place: String) throws(DocumentFault) {
        try status.validate("\(place).status")
        try DocumentLimits.requireTime(seconds, "\(place).seconds")
        let tasks = accuracies.first?.count ?? 0
        try DocumentLimits.each(accuracies, "\(place).accuracies", limit: Self.mostTasks) {
            (row, place) throws(DocumentFault) in
            guard row.count == tasks else {
                throw DocumentFault(place, "has \(row.count) accuracies, the row before it \(tasks)")
            }
            for (task, accuracy) in row.enumerated() where !(0...1).contains(accuracy) {
                throw DocumentFault("\(place)[\(task)]", "is \(accuracy), not an accuracy from 0 to 1")
            }
        }
        guard accuracies.count <= tasks, status != .completed || accuracies.count == tasks else {
            throw DocumentFault(
                "\(place).accuracies", "has \(accuracies.count) rows of \(tasks) accuracies, not one a task")
        }
    }
}

/// One method of a comparison, with the runs it made.
public struct ContinualEntry: Codable, Sendable, Hashable {
    /// The method's name.
    public var method: String
    /// One line on what it does.
    public var explanation: String
    /// The penalty's strength lambda; nil if the method has none.
    public var strength: Double?
    /// One run per seed.
    public var runs: [ContinualRecord]

    /// Names a method and gives its runs.
    public init(method: String, explanation: String, strength: Double?, runs: [ContinualRecord] = []) {
        self.method = method
        self.explanation = explanation
        self.strength = strength
        self.runs = runs
    }

    /// The accuracy on each task (inner) after each stage (outer), averaged over the completed runs; empty if
    /// none completed.
    public var meanAccuracies: [[Double]] {
        let whole = runs.filter { $0.status == .completed }
        guard let first = whole.first else { return [] }
        return first.accuracies.indices.map { stage in
            first.accuracies[stage].indices.map { task in
                whole.reduce(0) { $0 + $1.accuracies[stage][task] } / Double(whole.count)
            }
        }
    }
}

/// One strength that was tried for one method, on the tuning split.
public struct ContinualTrial: Codable, Sendable, Hashable {
    /// The method's name.
    public var method: String
    /// The penalty's strength lambda.
    public var strength: Double
    /// The result of the run.
    public var run: ContinualRecord

    /// Records a trial.
    public init(method: String, strength: Double, run: ContinualRecord) {
        self.method = method
        self.strength = strength
        self.run = run
    }
}

extension ContinualRecord {
    /// The result of the run, in a few words.
    public var outcome: String {
        guard let average = averageAccuracy else { return "\(status)" }
        return "average accuracy \(NumberText.plain.fixed(average, decimals: 3))"
    }
}
