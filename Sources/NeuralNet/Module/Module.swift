import Torch

/// A part of a network: a class whose stored properties are parameters (`@Parameter`), further modules, and
/// arrays, optionals, tuples or dictionaries of modules. They are found by reflection, in the order of their
/// declaration; those of a dictionary in the order of its keys as text. What is to be trained and lies elsewhere, such as in
/// a struct, is refused where the model meets an optimizer or a file, see ``requireFound()``.
public protocol Module: AnyObject {}

/// A parameter and its path.
public struct NamedParameter {
    /// The first path, in the order of declaration, that leads to it.
    public let path: ParameterPath
    /// The parameter.
    public let parameter: Parameter

    /// Names a parameter.
    public init(path: ParameterPath, parameter: Parameter) {
        self.path = path
        self.parameter = parameter
    }
}

extension Module {
    /// All parameters, each once, in the order of declaration.
    public var parameters: [NamedParameter] {
        var walk = ModuleWalk()
        walk.visit(self, at: .root)
        return walk.parameters
    }

    /// The number of trainable elements.
    public var parameterCount: Int {
        parameters.filter(\.parameter.isTrainable).reduce(0) { $0 + $1.parameter.wrappedValue.count }
    }

    /// The random generators that the model draws from while it runs, each once.
    public var randomGenerators: [RandomGenerator] {
        var walk = ModuleWalk()
        walk.visit(self, at: .root)
        return walk.generators
    }

    /// Switches between training and evaluation for every layer whose behavior differs (dropout, batch
    /// normalization).
    public func setTraining(_ isTraining: Bool) {
        var walk = ModuleWalk()
        walk.visit(self, at: .root)
        for layer in walk.modeDependent { layer.isTraining = isTraining }
    }

    /// The module itself and all modules that it holds, each once, by the first path that leads to it.
    public var modules: [(path: ParameterPath, module: any Module)] {
        var walk = ModuleWalk()
        walk.visit(self, at: .root)
        return walk.modules
    }

    /// The capture sites of the model's layers by the path of the layer.
    package var captureSites: [(path: ParameterPath, site: CaptureSite)] {
        var walk = ModuleWalk()
        walk.visit(self, at: .root)
        return walk.sites
    }
}

/// A module that maps one tensor to another, so that it can be part of a `Sequential`.
public protocol UnaryLayer: Module {
    /// The layer's output.
    func callAsFunction(_ input: Tensor) -> Tensor
}

/// A module that is a list of others, whose paths are their positions: `0.weight`.
public protocol ModuleContainer: Module {
    /// The modules of the list.
    var children: [any Module] { get }
}

/// A layer that behaves differently while it is trained.
public protocol ModeDependent: Module {
    /// Whether the layer is being trained.
    var isTraining: Bool { get set }
}

/// A layer that keeps averages over the batches of its training, which its calls move.
public protocol RunningStatistics: Module {
    /// Whether calls in training move the averages.
    var movesStatistics: Bool { get set }
}

extension Module {
    /// Calls a function while no call of a layer moves its running averages: for evaluations of a batch that is already
    /// counted in them.
    public func keepingStatistics<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let layers = modules.compactMap { $0.module as? any RunningStatistics }.filter(\.movesStatistics)
        for layer in layers { layer.movesStatistics = false }
        defer { for layer in layers { layer.movesStatistics = true } }
        return try body()
    }
}

/// Collects what a model holds, by reflection over stored properties.
struct ModuleWalk {
    var parameters: [NamedParameter] = []
    var generators: [RandomGenerator] = []
    var modeDependent: [any ModeDependent] = []
    var sites: [(path: ParameterPath, site: CaptureSite)] = []
    var modules: [(path: ParameterPath, module: any Module)] = []
    private var seen: Set<ObjectIdentifier> = []

    /// The modules, parameters, sites and generators that were found.
    var seenObjects: Set<ObjectIdentifier> { seen }

    mutating func visit(_ module: any Module, at path: ParameterPath) {
        guard seen.insert(ObjectIdentifier(module)).inserted else { return }
        modules.append((path, module))
        if let layer = module as? any ModeDependent { modeDependent.append(layer) }
        if let container = module as? any ModuleContainer {
            return visit(value: container.children, at: path)
        }
        var mirror: Mirror? = Mirror(reflecting: module)
        var levels: [Mirror] = []
        while let level = mirror {
            levels.append(level)
            mirror = level.superclassMirror
        }
        for child in levels.reversed().flatMap(\.children) {
            guard let label = child.label else { continue }
            // A property wrapper is stored under its name with an underscore.
            visit(
                value: child.value,
                at: path.appending(label.hasPrefix("_") ? String(label.dropFirst()) : label))
        }
    }

    private mutating func visit(value: Any, at path: ParameterPath) {
        switch value {
        case let parameter as Parameter:
            if seen.insert(ObjectIdentifier(parameter)).inserted {
                parameters.append(NamedParameter(path: path, parameter: parameter))
            }
        case let site as CaptureSite:
            if seen.insert(ObjectIdentifier(site)).inserted { sites.append((path.parent, site)) }
        case let generator as RandomGenerator:
            if seen.insert(ObjectIdentifier(generator)).inserted { generators.append(generator) }
        case let module as any Module: visit(module, at: path)
        case let list as [any Module]:
            for (position, module) in list.enumerated() { visit(module, at: path.appending("\(position)")) }
        default: visit(parts: Mirror(reflecting: value), at: path)
        }
    }

    /// Visits the parts of an optional, a list, a tuple or a dictionary, whose keys are taken in their order as text.
    private mutating func visit(parts mirror: Mirror, at path: ParameterPath) {
        switch mirror.displayStyle {
        case .optional:
            if let (_, wrapped) = mirror.children.first { visit(value: wrapped, at: path) }
        case .collection:
            // The elements of an array have one type, and an array of numbers may be long.
            guard let first = mirror.children.first?.value, Self.mayHoldModules(first) else { return }
            for (position, child) in mirror.children.enumerated() {
                visit(value: child.value, at: path.appending("\(position)"))
            }
        case .tuple:
            for child in mirror.children {
                visit(value: child.value, at: path.appending((child.label ?? "").filter { $0 != "." }))
            }
        case .dictionary:
            let entries = mirror.children.compactMap { child -> (key: String, value: Any)? in
                let entry = Array(Mirror(reflecting: child.value).children.map(\.value))
                return entry.count == 2 ? ("\(entry[0])", entry[1]) : nil
            }
            guard let first = entries.first?.value, Self.mayHoldModules(first) else { return }
            for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
                visit(value: value, at: path.appending(key))
            }
        default: break
        }
    }

    private static func mayHoldModules(_ value: Any) -> Bool {
        if value is any Module || value is Parameter || value is RandomGenerator { return true }
        switch Mirror(reflecting: value).displayStyle {
        case .optional, .collection, .tuple, .dictionary: return true
        default: return false
        }
    }
}
