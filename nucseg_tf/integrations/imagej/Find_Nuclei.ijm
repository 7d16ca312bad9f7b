// Finds the nuclei of the image in front with nucseg: ROIs, a label image and a table come back.
// For ImageJ 1.53 or newer, and Fiji. The image itself is not changed.
//
// From other macros, without the dialog; what is not named is as in the dialog's first use:
//
//   runMacro("/path/Find_Nuclei.ijm", "program=[/my programs/nucseg] channel=2 slices=max");
//
//   program   nucseg, or the path of it
//   model     name of a model, or its folder
//   channel   number, as ImageJ counts them, or max; automatic: the only one that is not empty
//   slices    current, max, mean, focus or each
//   frames    current or each
//   diameter  of the typical nucleus, px; auto finds it; nothing leaves it to the model
//   options   more of nucseg predict, such as [--tta 2]
//   replace   true: the ROI Manager is emptied first

var MOST_NAME = 80; // characters of a title that go into names of files
var EMPTY_ZIP = 22; // bytes, which ImageJ does not open

// The image, and where it is shown.
var image, title, channels, slices, frames, channel, slice, frame;
// What is wanted.
var program = "nucseg";
var model = "fpn2ws-nuclei";
var seenIn = "automatic";
var inSlices = "current";
var inFrames = "current";
var diameter = "";
var options = "";
var replaced = "false";
// The run: its folder, name of the image in it, what nucseg said, how many ROIs came of it.
var work, stem, said;
var found = 0;

if (nImages == 0) exit("Find Nuclei: open an image first.");
image = getImageID();
title = getTitle();
Stack.getDimensions(width, height, channels, slices, frames);
Stack.getPosition(channel, slice, frame);
if (bitDepth() == 24) channels = 3;
else if (channels > 1) seenIn = "" + channel;
given = getArgument();
if (given != "") readArguments(given);
else ask();

work = getDirectory("temp") + "nucseg-" + d2s(getTime(), 0) + "-" + d2s(random * 1e6, 0);
work += File.separator;
stem = fileName();
File.makeDirectory(work);
saveCopy(work + stem + ".tif");
showStatus("nucseg is finding nuclei ...");
said = runNucseg();
done = false;
if (File.exists(work + "objects.csv") && !File.exists(work + "failures.csv")) done = true;
if (done) showResults();
removeFolder(work);
showStatus("");
if (!done) exit("nucseg could not do this image.\n \n" + said + hint(said));
showStatus(found + " nuclei");

// --- what is wanted

function readArguments(given) {
  program = argument(given, "program", program);
  model = argument(given, "model", model);
  seenIn = argument(given, "channel", seenIn);
  inSlices = argument(given, "slices", inSlices);
  inFrames = argument(given, "frames", inFrames);
  diameter = argument(given, "diameter", diameter);
  options = argument(given, "options", options);
  replaced = argument(given, "replace", replaced);
}

// The value behind "name=", in [brackets] if it has spaces.
function argument(given, name, otherwise) {
  text = " " + given;
  start = indexOf(text, " " + name + "=");
  if (start < 0) return otherwise;
  value = substring(text, start + lengthOf(name) + 2);
  if (startsWith(value, "[")) return substring(value, 1, indexOf(value, "]"));
  return substring(value, 0, indexOf(value + " ", " "));
}

function ask() {
  program = remembered("program", program);
  model = remembered("model", model);
  diameter = remembered("diameter", diameter);
  options = remembered("options", options);
  inSlices = remembered("slices", inSlices);
  inFrames = remembered("frames", inFrames);
  replaced = remembered("replace", replaced);
  Dialog.create("Find Nuclei");
  Dialog.addString("nucseg (or its path)", program, 40);
  Dialog.addString("Model (or its folder)", model, 40);
  choices = newArray("automatic");
  for (n = 1; n <= channels; n++) choices = Array.concat(choices, "" + n);
  choices = Array.concat(choices, "max");
  if (channels > 1) Dialog.addChoice("Channel of the nuclei", choices, seenIn);
  choices = newArray("current", "max", "mean", "focus", "each");
  if (slices > 1) Dialog.addChoice("Slices", choices, inSlices);
  choices = newArray("current", "each");
  if (frames > 1) Dialog.addChoice("Frames", choices, inFrames);
  Dialog.addString("Typical diameter, px (empty: as the model says)", diameter, 8);
  Dialog.addString("Further options of nucseg predict", options, 40);
  ticked = false;
  if (replaced == "true") ticked = true;
  Dialog.addCheckbox("Empty the ROI Manager first", ticked);
  Dialog.show();
  program = Dialog.getString();
  model = Dialog.getString();
  if (channels > 1) seenIn = Dialog.getChoice();
  if (slices > 1) inSlices = Dialog.getChoice();
  if (frames > 1) inFrames = Dialog.getChoice();
  diameter = Dialog.getString();
  options = Dialog.getString();
  replaced = "false";
  if (Dialog.getCheckbox()) replaced = "true";
  remember("program", program);
  remember("model", model);
  remember("slices", inSlices);
  remember("frames", inFrames);
  remember("diameter", diameter);
  remember("options", options);
  remember("replace", replaced);
}

function remembered(name, otherwise) {
  return call("ij.Prefs.get", "nucseg." + name, otherwise);
}

function remember(name, value) {
  call("ij.Prefs.set", "nucseg." + name, value);
}

// --- the program

// The title, of what any file system and shell takes.
function fileName() {
  name = replace(title, "[^A-Za-z0-9_-]", "_");
  return "i" + substring(name, 0, minOf(lengthOf(name), MOST_NAME));
}

// Saves all of the image, without giving the window another name, as saving itself would.
function saveCopy(path) {
  wasBatch = is("Batch Mode");
  if (!wasBatch) setBatchMode(true);
  selected = selectionType() >= 0;
  if (selected) run("Select None");
  run("Duplicate...", "duplicate title=" + stem);
  saveAs("Tiff", path);
  close();
  selectImage(image);
  if (selected) run("Restore Selection");
  if (!wasBatch) setBatchMode(false);
}

// Runs it by way of a shell, which joins what it says on both ways out; returns that.
function runNucseg() {
  line = "" + quoted(program) + " predict " + quoted(work + stem + ".tif") + " --rois";
  // A backslash at the end, of Windows, would take the quote behind it for a character.
  line += " --out " + quoted(work + ".") + " --model " + quoted(model);
  if (seenIn == "max") line += " --channel max";
  else if (seenIn != "automatic") line += " --channel " + (parseInt(seenIn) - 1);
  if (slices > 1 && inSlices == "current") line += " --z " + (slice - 1);
  else if (slices > 1) line += " --z " + inSlices;
  if (frames > 1 && inFrames == "current") line += " --t " + (frame - 1);
  else if (frames > 1) line += " --t " + inFrames;
  if (diameter != "") line += " --diameter " + quoted(diameter);
  line += " " + options + " 2>&1";
  if (onWindows()) return exec("cmd", "/c", line);
  return exec("sh", "-c", line);
}

function onWindows() {
  return startsWith(getInfo("os.name"), "Windows");
}

function quoted(text) {
  if (onWindows()) return "\"" + text + "\"";
  return "'" + replace(text, "'", "'\\''") + "'";
}

function hint(text) {
  if (!startsWith(text, "sh: ") && indexOf(text, "not recognized") < 0) return "";
  return " \nIs the path of nucseg right? It lies in bin/ (Windows: Scripts\\) of its environment.";
}

// --- the results

function showResults() {
  plain = slices * frames > 1 && !Stack.isHyperstack;
  if (replaced == "true" && roiManager("count") > 0) roiManager("reset");
  before = roiManager("count");
  eachSlice = slices > 1 && inSlices == "each";
  eachFrame = frames > 1 && inFrames == "each";
  lastSlice = 1;
  if (eachSlice) lastSlice = slices;
  lastFrame = 1;
  if (eachFrame) lastFrame = frames;
  openLabels(lastSlice, lastFrame); // first, for ROIs that are selected are so in front
  for (t = 1; t <= lastFrame; t++) {
    for (z = 1; z <= lastSlice; z++) {
      place = stem;
      if (eachFrame) place += "_t" + IJ.pad(t - 1, 3);
      if (eachSlice) place += "_z" + IJ.pad(z - 1, 3);
      shownFrame = frame;
      if (eachFrame) shownFrame = t;
      shownSlice = slice;
      if (eachSlice) shownSlice = z;
      if (slices > 1 && !eachSlice && inSlices != "current") shownSlice = 0; // made of all
      openRois(work + place + "_rois.zip", plain, maxOf(shownSlice, 1) * shownFrame, shownSlice);
    }
  }
  found = roiManager("count") - before;
  if (found > 0) {
    Table.open(work + "objects.csv");
    Table.deleteColumn("image"); // which is the copy's name
    Table.rename("objects.csv", title + " nuclei");
  } else print(said);
  selectImage(image);
  if (found == 0) return;
  selected = selectionType() >= 0;
  roiManager("show all without labels"); // which removes the selection
  if (selected) run("Restore Selection");
}

// Adds a file to the ROI Manager. The ROIs know their slice and frame; a stack that is no
// hyperstack counts its planes.
function openRois(path, plain, plane, slice) {
  if (File.length(path) <= EMPTY_ZIP) return;
  first = roiManager("count");
  roiManager("open", path);
  if (!plain || slice == 0) return;
  added = newArray(roiManager("count") - first);
  for (n = 0; n < added.length; n++) added[n] = first + n;
  roiManager("select", added);
  RoiManager.setPosition(plane);
  roiManager("deselect");
  run("Select None");
}

function openLabels(planes, times) {
  getVoxelSize(pixelWidth, pixelHeight, depth, unit);
  interval = Stack.getFrameInterval();
  open(work + stem + "_labels.tif");
  if (planes > 1 && times > 1) {
    order = "order=xyczt(default) channels=1 slices=" + planes + " frames=" + times;
    run("Stack to Hyperstack...", order + " display=Grayscale");
  } else if (planes * times > 1) Stack.setDimensions(1, planes, times);
  rename(title + " labels");
  setVoxelSize(pixelWidth, pixelHeight, depth, unit);
  if (interval > 0) Stack.setFrameInterval(interval);
  if (nSlices > 1) Stack.getStatistics(count, mean, least, most);
  else getStatistics(count, mean, least, most);
  run("3-3-2 RGB");
  setMinAndMax(0, maxOf(most, 1));
}

function removeFolder(folder) {
  files = getFileList(folder);
  for (n = 0; n < files.length; n++) {
    if (endsWith(files[n], "/")) removeFolder(folder + files[n]);
    else ok = File.delete(folder + files[n]);
  }
  ok = File.delete(folder);
}
