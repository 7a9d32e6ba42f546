import Fisher
import FisherData
import FisherMedia
import FisherOptions
import FisherTraining
import Foundation

extension MissingCells: OptionValue {}

/// The options of the task on data of the user's own.
public struct DataOptions: ConfigurableOptions {
    /// The file or folder of the inputs.
    @Configurable(
        "data.inputs",
        "file of the samples (CSV, .npy, .npz, safetensors, IDX) or folder with a folder of images a class")
    public var inputs = ""
    /// The file of the targets.
    @Configurable("data.targets", "file of the targets, where the inputs' file does not hold them")
    public var targets = ""
    /// The columns of a table that are targets.
    @Configurable("data.target", "of a table: the column to predict; repeatable for several numbers")
    public var target: [String] = []
    /// The columns of a table that are left out.
    @Configurable("data.drop", "of a table: a column to leave out; repeatable")
    public var drop: [String] = []
    /// What is done with missing cells.
    @Configurable("data.missing", "of a table: error, drop the rows, or impute the mean of the training rows")
    public var missing = MissingCells.error
    /// Whether inputs and targets that are numbers are standardized.
    @Configurable("data.standardize", "bring numbers to mean 0 and deviation 1, by the training rows")
    public var standardize = true
    /// The file or folder of the inputs that are held out.
    @Configurable("data.held_out_inputs", "file or folder of samples that are held out")
    public var heldOutInputs = ""
    /// The file of their targets.
    @Configurable("data.held_out_targets", "file of their targets")
    public var heldOutTargets = ""
    /// The column that says which rows are held out.
    @Configurable("data.split", "of a table: a column that says train or test")
    public var split = ""
    /// The column whose equal values stay together.
    @Configurable("data.group", "of a table: a column whose equal values stay on one side of the split")
    public var group = ""
    /// The share that is held out where the data do not say.
    @Configurable("data.test_share", .fraction, "share held out, of each class, where the data do not say")
    public var testShare = 0.2
    /// The seed by which it is chosen.
    @Configurable("data.split_seed", .nonNegative, "seed by which it is chosen, the same for all runs")
    public var splitSeed = 0
    /// Samples in a step.
    @Configurable(
        "data.batch", .between(0, 1 << 20), "samples in a step; 0: 64, or all where there are fewer")
    public var batch = 0
    /// MiB of data held in memory.
    @Configurable(
        "data.memory", .nonNegative,
        "MiB of data held in memory, beyond which rows are read batch by batch; 0: a quarter of the machine's"
    )
    public var memory = 0.0
    /// The side to which image files are scaled.
    @Configurable("data.size", .between(0, 4096), "side to scale image files to; 0: they have one size")
    public var size = 0
    /// The channels of image files.
    @Configurable("data.color", "of image files: gray, color, or own: color")
    public var color = ImageColor.own
    /// The description of the network.
    @Configurable(
        "model.model",
        "the network's description, JSON, a folder of fisher convert, or safetensors of fisher's or PyTorch's; by default one for the data's shape"
    )
    public var model = ""
    /// The layer in every gap of a `state_dict`.
    @Configurable(
        "model.activation",
        "of a state_dict of PyTorch: the layer in every place without weights, such as relu")
    public var activation = ""
    /// The layers of a `state_dict`.
    @Configurable(
        "model.structure",
        "of a state_dict: its layers one after another, such as conv2d(padding=1) relu flatten linear")
    public var structure = ""
    /// Which of the model's weights a run begins with.
    @Configurable(
        "model.start",
        "begin with the model's weights, its body (all but the last layer, which is drawn), or drawn ones")
    public var start = ModelStart.weights
    /// The weights to begin with.
    @Configurable(
        "model.weights",
        "file or folder of fisher convert of weights to begin with, named by position (0.weight)")
    public var weights = ""
    /// The likelihood.
    @Configurable(
        "model.likelihood",
        "what the outputs are the parameters of; by default the model's, or by the targets")
    public var likelihood = ""
    /// The network that is made where none is described.
    @Configurable("model.network", "without a description: perceptron, cnn, or own: cnn for pictures")
    public var network = DefaultNetwork.own
    /// Its width.
    @Configurable(
        "model.width", .between(0, 65536),
        "without a description: width of hidden layers, or channels of the first convolution; 0: 64, or 16")
    public var width = 0
    /// Its hidden layers.
    @Configurable("model.layers", .between(0, 1000), "without a description: hidden layers of the perceptron")
    public var layers = 1

    /// The defaults.
    public init() {}
}

/// The networks for data that come without one.
public enum DefaultNetwork: String, CaseIterable, OptionValue {
    /// The one for the shape of the samples.
    case own
    /// Linear layers with rectifiers between them.
    case perceptron
    /// Two convolutions of 3 by 3, each followed by a pooling of 2 by 2, and a linear layer.
    case cnn
}

extension DataOptions {
    /// The bytes of data that are held in memory.
    var memoryByteCount: Int {
        memory > 0
            ? Int(clamping: Int64(Swift.min(memory * 1_048_576, 1e18)))
            : Int(clamping: ProcessInfo.processInfo.physicalMemory / 4)
    }

    /// What is to be read, for targets of a kind.
    func request(_ kind: DataRequest.TargetKind?) -> DataRequest {
        var request = DataRequest(inputs: inputs, memory: memoryByteCount)
        (request.targets, request.targetColumns, request.dropped) = (targets, target, drop)
        (request.missing, request.kind) = (missing, kind)
        (request.splitColumn, request.groupColumn) = (split, group)
        request.imageSize = size > 0 ? ImageSize(height: size, width: size) : nil
        request.imageChannels = color.channels
        return request
    }
}
