import Fisher

/// What a run keeps besides its model and its optimizer, and what it does between steps: for tasks whose objective changes on
/// the way.
///
/// A checkpoint holds it, so that a run that was killed continues exactly.
public protocol RunMemory<Model, Batch>: AnyObject {
    /// The network.
    associatedtype Model: Module
    /// The batch of one step.
    associatedtype Batch: SliceableBatch
    /// Everything that is saved besides tensors.
    associatedtype State: Codable & Sendable

    /// Whether a new optimizer takes over after `step` steps.
    func replacesOptimizer(after step: Int) -> Bool
    /// Called before each step with its batch, when `step` steps have been made. One of several processes may have read its
    /// part of the batch alone, see ``BatchStream/next(reading:)``.
    func prepare(_ model: Model, for batch: Batch, after step: Int) throws
    /// Called when processes begin to share the batches of the run: each has its part of every further step's batch. By
    /// default nothing happens.
    func share(with processes: ProcessGroup?)
    /// Gives a function by which long preparations say how far they are, a line each time. By default nothing is said.
    func announce(by show: @escaping (String) -> Void)
    /// Called after each step. Throws ``RunDivergence`` if the run cannot go on because numbers are not usable.
    func conclude(_ model: Model, _ optimizer: Optimizer, after step: Int) throws
    /// Figures that belong to the log at an evaluation after `step` steps, in the order of the log's columns.
    func measurements(of model: Model, after step: Int) throws -> [(name: String, value: Double)]

    /// The state, and the tensors by name.
    func saved() throws -> (state: State, tensors: [String: Tensor])
    /// Continues from what was saved after `step` steps; throws if it does not fit the model.
    func restore(_ state: State, _ tensors: [String: Tensor], model: Model, after step: Int) throws
}

extension RunMemory {
    public func share(with processes: ProcessGroup?) {}
    public func announce(by show: @escaping (String) -> Void) {}
}

/// The memory of tasks that have none.
public final class NoMemory<Model: Module, Batch: SliceableBatch>: RunMemory {
    /// Nothing is saved.
    public struct State: Codable, Sendable {}

    /// Creates it.
    public init() {}

    public func replacesOptimizer(after step: Int) -> Bool { false }
    public func prepare(_ model: Model, for batch: Batch, after step: Int) {}
    public func conclude(_ model: Model, _ optimizer: Optimizer, after step: Int) {}
    public func measurements(of model: Model, after step: Int) -> [(name: String, value: Double)] { [] }
    public func saved() -> (state: State, tensors: [String: Tensor]) { (State(), [:]) }
    public func restore(_ state: State, _ tensors: [String: Tensor], model: Model, after step: Int) {}
}

/// A run cannot go on, because what it computed is not usable.
public struct RunDivergence: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is not usable, and why.
    public let description: String

    /// Describes what is not usable.
    public init(_ description: String) { self.description = description }
}
